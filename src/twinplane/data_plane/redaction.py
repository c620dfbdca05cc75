"""A request or an answer as an audit record shows it: names start in lower case, secrets are hidden, bodies left out.

Compiled from the service's model, once for each shape. What the model does not know is shown by the same rules.
"""

from collections.abc import Callable
from typing import Any

from twinplane.data_plane.wire.models import Ref, Shape
from twinplane.data_plane.wire.shapes import Compiler

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
_LONGEST_TEXT = 4096
_SECRET_NAMES = frozenset((
    "secretaccesskey", "sessiontoken", "accesstoken", "refreshtoken", "idtoken", "assertion", "contextassertion",
    "identitycontext", "password", "secret", "secretstring", "clientsecret", "subjecttoken", "actortoken", "code",
    "codeverifier", "devicecode", "usercode", "verificationuricomplete",
    "authtoken", "authorizationtoken", "samlassertion", "webidentitytoken", "privatekey",
))  # fmt: skip

Show = Callable[[Any], Any]


class Redaction(Compiler):
    """What is shown of the values of one service's shapes."""

    def shower(self, ref: Ref | None) -> Show:
        """A function from a value of the shape (None: of one that the model does not know) to what is shown of it."""
        if ref is None:
            return shown
        shape = self.model.shape(ref)
        if shape.sensitive:
            return _hidden
        if shape.type == "structure":
            return self.compiled((ref.shape,), lambda: self._structure(shape))
        if shape.type == "list":
            return self.compiled((ref.shape,), lambda: self._list(shape))
        if shape.type == "map":
            return self.compiled((ref.shape,), lambda: self._map(shape))
        return _text if shape.type == "string" else shown

    def _structure(self, shape: Shape) -> Show:
        ways = {name: self._member(name, ref) for name, ref in shape.members.items()}
        known = {name: (self._shown_name(name, shape), way) for name, way in ways.items()}
        texts = {name: named for name, (named, way) in known.items() if way is _text}

        def show(value: Any) -> Any:
            if type(value) is not dict:
                return shown(value)
            out = {}
            for name, member in value.items():
                if type(member) is str and name in texts and len(member) <= _LONGEST_TEXT:
                    out[texts[name]] = member  # as most are
                elif type(member) is bytes:
                    continue
                elif name in known:
                    named, way = known[name]
                    out[named] = way(member)
                elif not name.startswith("_"):
                    out[_lower_first(name)] = _unknown_member(name, member)
            return out

        return show

    def _list(self, shape: Shape) -> Show:
        item = self.shower(shape.member)
        return lambda value: [item(each) for each in value] if isinstance(value, (list, tuple)) else shown(value)

    def _map(self, shape: Shape) -> Show:
        item = self.shower(shape.value)

        def show(value: Any) -> Any:
            if type(value) is not dict:
                return shown(value)
            return {name: _hidden(each) if _is_secret(name) else item(each) for name, each in value.items()}

        return show

    def _shown_name(self, name: str, shape: Shape) -> str:
        """S3's records say `bucketName` for the bucket of the request, which its model calls `Bucket`."""
        if (self.model.name, name, shape.members[name].location) == ("s3", "Bucket", "uri"):
            return "bucketName"
        return _lower_first(name)

    def _member(self, name: str, ref: Ref) -> Show:
        return _hidden if _is_secret(name) else self.shower(ref)


def shown(value: Any) -> Any:
    """What is shown of a value of which no model says anything."""
    if type(value) is str:
        return _text(value)
    if value is None or isinstance(value, (int, float, bool)):
        return value
    if isinstance(value, dict):
        return {
            _lower_first(name): _unknown_member(name, each)
            for name, each in value.items() if not name.startswith("_") and type(each) is not bytes
        }  # fmt: skip
    return [shown(each) for each in value] if isinstance(value, (list, tuple)) else None


def _unknown_member(name: str, value: Any) -> Any:
    return _hidden(value) if _is_secret(name) else shown(value)


def _hidden(value: Any) -> Any:
    return None if value is None else HIDDEN


def _text(value: Any) -> Any:
    if type(value) is not str:
        return shown(value)
    return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + "…"


def _is_secret(name: str) -> bool:
    return name.lower() in _SECRET_NAMES


def _lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]
