"""Which operation a REST request means: the raw, still percent-encoded path decides, then query and headers.

Several S3 operations share a path and a method; what the model requires in query and headers tells them apart.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote

from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.models import Model, OperationModel


@dataclass
class _Candidate:
    operation: OperationModel
    literals: dict[str, str]  # query parameters the path template itself names
    query: list[str]  # required query parameters
    headers: list[str]  # required headers

    def fits(self, http: HttpRequest) -> bool:
        return all(name in http.query and value in ("", *http.query[name]) for name, value in self.literals.items())

    def rank(self, http: HttpRequest) -> tuple[bool, int, bool, int]:
        missing = sum(name not in http.query for name in self.query)
        missing += sum(name not in http.headers for name in self.headers)
        wanted = len(self.query) + len(self.headers)
        return (missing == 0, len(self.literals), not self.operation.deprecated, wanted if missing == 0 else -missing)


@dataclass
class _Branch:
    literals: dict[str, "_Branch"] = field(default_factory=dict)
    label: "_Branch | None" = None
    greedy: "_Branch | None" = None
    methods: dict[str, list[tuple[_Candidate, list[str]]]] = field(default_factory=dict)


class Router:
    """The paths of one service."""

    def __init__(self, model: Model) -> None:
        self._keeps_trailing_slash = model.protocol == "rest-xml"  # it is part of an S3 key
        self._root = _Branch()
        for operation in model.operations.values():
            self._add(model, operation)

    def _add(self, model: Model, operation: OperationModel) -> None:
        path, _, query = operation.http.request_uri.partition("?")
        branch, labels = self._root, []
        for segment in path.strip("/").split("/") if path.strip("/") else ():
            if not segment.startswith("{"):
                branch = branch.literals.setdefault(segment, _Branch())
                continue
            name = segment.strip("{}")
            labels.append(name.removesuffix("+"))
            if name.endswith("+"):
                branch.greedy = branch = branch.greedy or _Branch()
            else:
                branch.label = branch = branch.label or _Branch()
        candidate = _candidate(model, operation, query)
        branch.methods.setdefault(operation.http.method, []).append((candidate, labels))

    def route(self, http: HttpRequest) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation and its decoded labels, or None."""
        path = http.raw_path[1:]
        if not self._keeps_trailing_slash:
            path = path.rstrip("/")
        elif path.endswith("/") and path.count("/") == 1:
            path = path[:-1]  # `/bucket/` is the bucket
        found = self._match(self._root, path.split("/") if path else [], http, [])
        if found is None:
            return None
        branch, values = found
        best, labels = max(
            (pair for pair in branch.methods[http.method] if pair[0].fits(http)), key=lambda pair: pair[0].rank(http)
        )
        return best.operation, {name: unquote(value) for name, value in zip(labels, values, strict=True)}

    def _match(
        self, branch: _Branch, segments: list[str], http: HttpRequest, values: list[str]
    ) -> tuple[_Branch, list[str]] | None:
        if not segments:
            fits = any(candidate.fits(http) for candidate, _ in branch.methods.get(http.method, ()))
            return (branch, values) if fits else None
        head, rest = segments[0], segments[1:]
        if head in branch.literals and (found := self._match(branch.literals[head], rest, http, values)):
            return found
        if branch.label and head and (found := self._match(branch.label, rest, http, [*values, head])):
            return found
        if branch.greedy:
            return self._match(branch.greedy, [], http, [*values, "/".join(segments)])
        return None


def _candidate(model: Model, operation: OperationModel, query: str) -> _Candidate:
    literals = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        literals[name] = value
    candidate = _Candidate(operation, literals, [], [])
    if operation.input is not None:
        shape = model.shape(operation.input)
        for name in shape.required:
            ref = shape.members[name]
            if ref.location == "querystring":
                candidate.query.append(ref.location_name or name)
            elif ref.location == "header":
                candidate.headers.append((ref.location_name or name).lower())
    return candidate
