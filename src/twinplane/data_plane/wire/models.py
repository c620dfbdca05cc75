"""AWS's service models: what botocore ships as data, read without importing botocore, without the documentation.

A small overlay of our own (`<service>.json` in `models/`) adds operations that AWS's clients call although the public
model lacks them.
"""

import gzip
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

_EVENT_SOURCES = {"awsssoportal": "sso"}  # where CloudTrail has another name than signatures


class Ref(msgspec.Struct, rename="camel", gc=False):
    """A use of a shape, with what this use says differently."""

    shape: str
    location: str | None = None
    location_name: str | None = None
    flattened: bool = False
    streaming: bool = False
    timestamp_format: str | None = None
    xml_namespace: Any = None
    xml_attribute: bool = False
    result_wrapper: str | None = None
    eventpayload: bool = False
    idempotency_token: bool = False


class ErrorTraits(msgspec.Struct, rename="camel", gc=False):
    code: str | None = None
    http_status_code: int = 400
    sender_fault: bool = True


class Shape(msgspec.Struct, rename="camel"):
    """A type: structure, list, map or scalar. `members` belong to structures, `member` to lists, `key` to maps."""

    type: str
    members: dict[str, Ref] = {}
    required: list[str] = []
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    enum: list[str] = []
    flattened: bool = False
    location_name: str | None = None
    payload: str | None = None
    streaming: bool = False
    sensitive: bool = False
    exception: bool = False
    fault: bool = False
    error: ErrorTraits | None = None
    timestamp_format: str | None = None
    xml_namespace: Any = None
    union: bool = False
    document: bool = False


class Http(msgspec.Struct, rename="camel", gc=False):
    method: str
    request_uri: str
    response_code: int = 200


class OperationModel(msgspec.Struct, rename="camel"):
    """An operation as AWS declares it."""

    name: str
    http: Http
    input: Ref | None = None
    output: Ref | None = None
    errors: list[Ref] = []
    authtype: str | None = None
    deprecated: bool = False
    unsigned_payload: bool = False
    event_name: str | None = None  # what CloudTrail calls it, where that is another operation's name


class Metadata(msgspec.Struct, rename="camel"):
    protocol: str
    endpoint_prefix: str
    signing_name: str | None = None
    target_prefix: str | None = None
    json_version: str | None = None
    xml_namespace: Any = None
    query_compatible: dict[str, Any] | None = msgspec.field(default=None, name="awsQueryCompatible")


class _ServiceFile(msgspec.Struct):
    metadata: Metadata
    operations: dict[str, OperationModel]
    shapes: dict[str, Shape]


class _QueryForm(msgspec.Struct, rename="camel"):
    """How a service that speaks JSON today was spoken to before: what the model no longer tells."""

    xml_namespace: str
    names: dict[str, str]  # member -> what it is called; lists of structures go by their items' shape
    keys: dict[str, str] = {}  # map shape -> what its keys are called (else `Name`)


class _Overlay(msgspec.Struct):
    operations: dict[str, OperationModel] = {}
    shapes: dict[str, Shape] = {}
    members: dict[str, dict[str, Ref]] = {}  # what AWS's own library reads though the public model lacks it
    enums: dict[str, list[str]] = {}  # values that only that library knows, or that AWS answers all the same
    errors: dict[str, ErrorTraits] = {}  # codes of the query form
    query: _QueryForm | None = None


class Model:
    """The operations and shapes of one service."""

    def __init__(self, name: str, file: _ServiceFile) -> None:
        self.name = name
        self.metadata, self.operations, self.shapes = file.metadata, file.operations, file.shapes
        self._errors_by_code = {
            shape.error.code: name for name, shape in self.shapes.items() if shape.exception and shape.error
        }

    @property
    def protocol(self) -> str:
        return self.metadata.protocol

    @property
    def event_source(self) -> str:
        """The service's name in CloudTrail."""
        name = self.metadata.signing_name or self.metadata.endpoint_prefix
        return f"{_EVENT_SOURCES.get(name, name)}.amazonaws.com"

    def shape(self, ref: Ref) -> Shape:
        return self.shapes[ref.shape]

    def error_shape(self, code: str) -> Shape | None:
        """The shape of an error, by its own name or by the code the wire uses for it."""
        shape = self.shapes.get(code)
        if shape is not None and (shape.exception or shape.error):
            return shape
        name = self._errors_by_code.get(code)
        return self.shapes[name] if name else None

    def located(self, shape: Shape, *locations: str | None) -> Iterator[tuple[str, Ref]]:
        """The members of a structure that travel at one of `locations` (None: in the body)."""
        return ((name, ref) for name, ref in shape.members.items() if ref.location in locations)


@cache
def load(name: str) -> Model:
    """The model of a service by the name of botocore's folder, such as `sso-oidc`. Raises `LookupError`."""
    return Model(name, _read(name)[0])


@cache
def load_query_form(name: str) -> Model | None:
    """The model of the same service in the query protocol, which its older clients speak; None: it has no such form."""
    file, overlay = _read(name)
    form = overlay.query if overlay is not None else None
    if form is None:
        return None
    file.metadata.protocol, file.metadata.xml_namespace = "query", form.xml_namespace
    for shape_name, shape in file.shapes.items():
        if shape.key is not None and shape.value is not None:
            shape.key.location_name, shape.value.location_name = form.keys.get(shape_name, "Name"), "Value"
        for member, ref in shape.members.items():
            target = file.shapes[ref.shape]
            ref.location_name = form.names.get(member)
            if target.member is not None and file.shapes[target.member.shape].type == "structure":
                ref.location_name = target.member.shape
    for operation in file.operations.values():
        if operation.output is not None:
            operation.output.result_wrapper = f"{operation.name}Result"
    return Model(name, file)


def _read(name: str) -> tuple[_ServiceFile, _Overlay | None]:
    own = Path(__file__).parent / "models" / "own" / f"{name}.json"
    if own.exists():  # a protocol that AWS speaks and its models do not describe
        return msgspec.json.decode(own.read_bytes(), type=_ServiceFile), None
    file = msgspec.json.decode(_newest(name), type=_ServiceFile)
    overlay = Path(__file__).parent / "models" / f"{name}.json"
    extra = None
    if overlay.exists():
        extra = msgspec.json.decode(overlay.read_bytes(), type=_Overlay)
        for error, traits in extra.errors.items():
            file.shapes[error].error = traits
        file.operations.update(extra.operations)
        file.shapes.update(extra.shapes)
        for shape, members in extra.members.items():
            file.shapes[shape].members |= members
        for shape, values in extra.enums.items():
            file.shapes[shape].enum += [value for value in values if value not in file.shapes[shape].enum]
    return file, extra


def from_description(name: str, description: dict[str, Any]) -> Model:
    """The model that a `service-2.json`, already decoded, describes."""
    return Model(name, msgspec.convert(description, _ServiceFile))


def _newest(name: str) -> bytes:
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("botocore, which carries AWS's service models, is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data" / name
    versions = sorted(folder.glob("*/service-2.json.gz"))
    if not versions:
        raise LookupError(f"no service model {name} in {folder.parent}")
    return gzip.decompress(versions[-1].read_bytes())
