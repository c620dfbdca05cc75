"""Which operation a REST request means: the raw, still percent-encoded path decides, then query and headers.

Several S3 operations share a path and a method; what the model requires in query and headers tells them apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpRequest
from twinplane.data_plane.wire.models import Model, OperationModel


@dataclass
class _Candidate:
    operation: OperationModel
    literals: dict[str, str]  # query parameters the path template itself names
    query: set[str]  # required query parameters
    headers: set[str]  # required headers

    def fits(self, http: HttpRequest) -> bool:
        if not self.literals:
            return True
        return all(name in http.query and value in ("", *http.query[name]) for name, value in self.literals.items())

    def rank(self, http: HttpRequest) -> tuple[int, bool, bool, int]:
        missing = sum(name not in http.query for name in self.query)
        missing += sum(name not in http.headers for name in self.headers)
        wanted = len(self.query) + len(self.headers)
        return (len(self.literals), missing == 0, not self.operation.deprecated, wanted if missing == 0 else -missing)


@dataclass
class _Branch:
    literals: dict[str, "_Branch"] = field(default_factory=dict)
    label: "_Branch | None" = None
    greedy: "_Branch | None" = None
    tail: int = 0  # of a greedy label: the most segments that follow it, as in `/instances/{name+}/routes`
    methods: dict[str, list[tuple[_Candidate, list[str]]]] = field(default_factory=dict)
    plain: dict[str, list[tuple[_Candidate, list[str]]]] = field(default_factory=dict)
    """Those that need no query, the ones that need most headers first: for requests without a query."""


class Router:
    """The paths of one service."""

    def __init__(self, model: Model) -> None:
        self._keeps_trailing_slash = model.protocol == "rest-xml"  # it is part of an S3 key
        self._root = _Branch()
        self._query_names: set[str] = set()
        self._subresources: set[str] = set()
        for operation in model.operations.values():
            self._add(model, operation)

    def _add(self, model: Model, operation: OperationModel) -> None:
        path, _, query = operation.http.request_uri.partition("?")
        branch, labels = self._root, []
        segments = path.strip("/").split("/") if path.strip("/") else []
        for number, segment in enumerate(segments, 1):
            if not segment.startswith("{"):
                branch = branch.literals.setdefault(segment, _Branch())
                continue
            name = segment.strip("{}")
            labels.append(name.removesuffix("+"))
            if name.endswith("+"):
                branch.greedy = branch = branch.greedy or _Branch()
                branch.tail = max(branch.tail, len(segments) - number)
            else:
                branch.label = branch = branch.label or _Branch()
        candidate = _candidate(model, operation, query)
        self._subresources.update(name for name, value in candidate.literals.items() if not value)
        self._query_names.update(candidate.literals, _query_names(model, operation))
        pair = (candidate, labels)
        branch.methods.setdefault(operation.http.method, []).append(pair)
        if not candidate.literals and not candidate.query:
            plain = branch.plain.setdefault(operation.http.method, [])
            plain.append(pair)
            plain.sort(key=lambda each: (each[0].operation.deprecated, -len(each[0].headers)))

    def route(self, http: HttpRequest) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation and its decoded labels, or None. Raises `ServiceError` on a subresource that none knows."""
        path = http.resource_path[1:]
        if not self._keeps_trailing_slash:
            path = path.rstrip("/")
        elif path.endswith("/") and path.count("/") == 1:
            path = path[:-1]  # `/bucket/` is the bucket
        segments, values = path.split("/") if path else [], list[str]()
        found = _match(self._root, segments, 0, http, values)
        if self._keeps_trailing_slash and http.query:
            self._check_subresources(http, found[0] if found is not None else None)
        if found is None:
            return None
        candidate, labels = found
        decoded = {
            name: unquote(value) if "%" in value else value for name, value in zip(labels, values, strict=True)
        }  # fmt: skip
        return candidate.operation, decoded

    def _check_subresources(self, http: HttpRequest, chosen: _Candidate | None) -> None:
        """A subresource that no operation knows, or none at this path, must never be taken for the thing itself."""
        for name, values in http.query.items():
            unknown = name and values == [""] and name not in self._query_names
            elsewhere = name in self._subresources and chosen is not None and name not in chosen.literals
            if unknown or elsewhere:
                raise ServiceError("NotImplemented", f"The subresource {name} is not served here.", 501)


def _match(
    branch: _Branch, segments: list[str], at: int, http: HttpRequest, values: list[str]
) -> tuple[_Candidate, list[str]] | None:
    """The operation below `branch` that the rest of the path means; `values` get its labels."""
    if at == len(segments):
        return _chosen(branch, http)
    head, taken = segments[at], len(values)
    if (literal := branch.literals.get(head)) and (found := _match(literal, segments, at + 1, http, values)):
        return found
    if branch.label and head:
        values.append(head)
        if found := _match(branch.label, segments, at + 1, http, values):
            return found
        del values[taken:]
    if branch.greedy:
        shortest = max(at, len(segments) - 1 - branch.greedy.tail)
        for end in (*range(len(segments) - 1, shortest, -1), len(segments)):
            values.append("/".join(segments[at:end]))
            if found := _match(branch.greedy, segments, end, http, values):
                return found
            del values[taken:]
    return None


def _chosen(branch: _Branch, http: HttpRequest) -> tuple[_Candidate, list[str]] | None:
    """Of the operations at one path, the one that the method, the query and the headers mean."""
    pairs = branch.methods.get(http.method, ())
    if len(pairs) == 1:
        return pairs[0] if pairs[0][0].fits(http) else None
    if not http.query:
        for pair in branch.plain.get(http.method, ()):
            if pair[0].headers <= http.headers.keys():
                return pair
    fitting = [pair for pair in pairs if pair[0].fits(http)]
    return max(fitting, key=lambda pair: pair[0].rank(http)) if fitting else None


def _query_names(model: Model, operation: OperationModel) -> Iterator[str]:
    if operation.input is not None:
        members = model.shape(operation.input).members.items()
        yield from (ref.location_name or name for name, ref in members if ref.location == "querystring")


def _candidate(model: Model, operation: OperationModel, query: str) -> _Candidate:
    literals = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        literals[name] = value
    candidate = _Candidate(operation, literals, set(), set())
    if operation.input is not None:
        shape = model.shape(operation.input)
        for name in shape.required:
            ref = shape.members[name]
            if ref.location == "querystring":
                candidate.query.add(ref.location_name or name)
            elif ref.location == "header":
                candidate.headers.add((ref.location_name or name).lower())
    return candidate
