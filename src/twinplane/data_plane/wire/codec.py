"""One operation's way over the wire: HTTP request to request members, answer members to HTTP response.

Compiled from the model on the operation's first call; one `Codec` for each operation.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, Request
from twinplane.data_plane.wire import rest
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse, id_headers
from twinplane.data_plane.wire.json_shapes import JsonReader, JsonWriter
from twinplane.data_plane.wire.models import Model, OperationModel, Ref, Shape
from twinplane.data_plane.wire.query_shapes import QueryReader, form_tree, form_values
from twinplane.data_plane.wire.quick import Quick
from twinplane.data_plane.wire.scalars import Malformed
from twinplane.data_plane.wire.validation import Validation
from twinplane.data_plane.wire.xml import escape, read_xml
from twinplane.data_plane.wire.xml_shapes import XmlReader, XmlWriter

Parse = Callable[[HttpRequest, dict[str, str]], Request]
Serialise = Callable[[Answer, str], HttpResponse]
Quickly = Callable[[HttpRequest, dict[str, str]], Request | None]
_EMPTY = Shape(type="structure")

_S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NAMESPACES = {"s3": _S3_NAMESPACE, "s3-control": "http://awss3control.amazonaws.com/doc/2018-08-20/"}
# Root elements that the model does not tell and strict clients look for.
_ROOTS = {
    "ListBuckets": "ListAllMyBucketsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetObjectAcl": "AccessControlPolicy",
}


@dataclass(frozen=True, slots=True)
class Codec:
    """`parse` raises `Malformed`; `serialise` takes the answer and the request's id.

    `quick` parses and checks what is as it should be, and returns None for all else.
    """

    parse: Parse
    serialise: Serialise
    quick: Quickly | None = None


class Codecs:
    """The codecs of one service."""

    def __init__(
        self, model: Model, validation: Validation, check: Callable[[OperationModel, Codec], Codec] | None = None
    ) -> None:
        """`check` wraps each codec."""
        self._model, self._validation, self._check = model, validation, check
        self._quick = Quick(model)
        self._json_reader, self._json_writer = JsonReader(model), JsonWriter(model)
        self._query_reader = QueryReader(model)
        self._xml_reader, self._xml_writer = XmlReader(model), XmlWriter(model)
        self._build: Callable[[OperationModel], Codec] = {
            "json": self._json, "query": self._query, "rest-json": self._rest, "rest-xml": self._rest,
        }[model.protocol]  # fmt: skip
        self._namespace = _NAMESPACES.get(model.metadata.endpoint_prefix)
        self._codecs: dict[str, Codec] = {}

    def get(self, operation: OperationModel) -> Codec:
        """The operation's codec, compiled on first use."""
        codec = self._codecs.get(operation.name)
        if codec is None:
            codec = self._build(operation)
            if self._check is not None:
                codec = self._check(operation, codec)
            self._codecs[operation.name] = codec
        return codec

    def _shape(self, ref: Ref | None) -> Shape:
        return self._model.shape(ref) if ref is not None else _EMPTY

    # json 1.0 and 1.1

    def _json(self, operation: OperationModel) -> Codec:
        read = self._json_reader.structure(self._shape(operation.input).members.items())
        write = self._json_writer.structure(self._shape(operation.output).members.items())
        write_quickly = self._quick.writer(self._shape(operation.output).members.items())
        read_quickly = self._quick.reader(
            self._shape(operation.input).members.items(), self._shape(operation.input).required
        )
        content_type = f"application/x-amz-json-{self._model.metadata.json_version or '1.0'}"

        def parse(http: HttpRequest, _labels: dict[str, str]) -> Request:
            request: Request = read(_json_body(http.body))
            return request

        def serialise(answer: Answer, request_id: str) -> HttpResponse:
            headers = {"x-amzn-RequestId": request_id, "Content-Type": content_type}
            return HttpResponse(200, headers, write_quickly(answer) or msgspec.json.encode(write(answer)))

        def quick(http: HttpRequest, _labels: dict[str, str]) -> Request | None:
            return read_quickly(http.body) if read_quickly is not None else None

        return Codec(parse, serialise, quick)

    # query

    def _query(self, operation: OperationModel) -> Codec:
        read = self._query_reader.reader(operation.input) if operation.input else lambda _tree: {}
        write = self._xml_writer.members(self._shape(operation.output).members.items())
        name, metadata = operation.name, self._model.metadata
        wrapper = operation.output.result_wrapper if operation.output is not None else None
        head = f'<{name}Response xmlns="{metadata.xml_namespace}">'

        def parse(http: HttpRequest, _labels: dict[str, str]) -> Request:
            form = form_values(http.body) if http.form is None else http.form
            values = {key: each[0] for key, each in http.query.items()} | form if http.query else form
            request: Request = read(form_tree(values))
            return request

        def serialise(answer: Answer, request_id: str) -> HttpResponse:
            out = [head]
            if wrapper:
                out.append(f"<{wrapper}>")
            write(out, answer)
            if wrapper:
                out.append(f"</{wrapper}>")
            out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
            headers = {"x-amzn-RequestId": request_id, "Content-Type": "text/xml"}
            return HttpResponse(200, headers, "".join(out).encode())

        return Codec(parse, serialise)

    # rest-json and rest-xml

    def _rest(self, operation: OperationModel) -> Codec:
        quick = self._rest_quick(operation) if self._model.protocol == "rest-json" else None
        return Codec(self._rest_parse(operation), self._rest_serialise(operation), quick)

    def _rest_quick(self, operation: OperationModel) -> Quickly | None:
        shape = self._shape(operation.input)
        bind = rest.input_binder(self._model, shape)
        inside = {name: ref for name, ref in shape.members.items() if ref.location is None}
        read = self._quick.reader(inside.items(), [name for name in shape.required if name in inside])
        if read is None or shape.payload is not None:
            return None
        outside = {name: ref for name, ref in shape.members.items() if name not in inside}
        required = [name for name in shape.required if name in outside]
        check = self._validation.structure(outside.items(), required, False)

        def quick(http: HttpRequest, labels: dict[str, str]) -> Request | None:
            request = read(http.body or b"{}")
            if request is None or not outside.keys().isdisjoint(request):
                return None
            try:
                bind(http, labels, request)
            except Malformed:
                return None
            if check is not None:
                problems: list[str] = []
                check(request, "", problems)
                if problems:
                    return None
            return request

        return quick

    def _rest_parse(self, operation: OperationModel) -> Parse:
        shape = self._shape(operation.input)
        bind = rest.input_binder(self._model, shape)
        outside = {name for name, ref in shape.members.items() if ref.location is not None}
        read_body = self._body_reader(shape)

        def parse(http: HttpRequest, labels: dict[str, str]) -> Request:
            request: Request = read_body(http)
            if not outside.isdisjoint(request):  # what belongs elsewhere is not believed in the body
                request = {name: value for name, value in request.items() if name not in outside}
            bind(http, labels, request)
            return request

        return parse

    def _body_reader(self, shape: Shape) -> Callable[[HttpRequest], Request]:
        if shape.payload is not None:
            return self._payload_reader(shape.payload, shape.members[shape.payload])
        members = list(self._model.located(shape, None))
        if self._model.protocol == "rest-xml":
            read_element = self._xml_reader.structure(members)
            return lambda http: read_element(read_xml(http.body)) if members and http.body else {}
        read = self._json_reader.structure(members)
        return lambda http: read(_json_body(http.body))

    def _payload_reader(self, name: str, ref: Ref) -> Callable[[HttpRequest], Request]:
        shape = self._model.shape(ref)
        if shape.type in ("blob", "string") or ref.streaming or shape.streaming:
            text = shape.type == "string"

            def read_raw(http: HttpRequest) -> Request:
                if http.stream is not None:
                    return {}
                return {name: _utf8(http.body) if text else http.body} if http.body else {}

            return read_raw
        xml = self._model.protocol == "rest-xml"
        reader = self._xml_reader.reader(ref) if xml else self._json_reader.reader(ref)

        def read(http: HttpRequest) -> Request:
            if not http.body:
                return {}
            return {name: reader(read_xml(http.body) if xml else _json_body(http.body))}

        return read

    def _rest_serialise(self, operation: OperationModel) -> Serialise:
        shape = self._shape(operation.output)
        place = rest.output_placer(self._model, shape)
        write_body = self._body_writer(operation, shape)
        status, protocol = operation.http.response_code, self._model.protocol

        def serialise(answer: Answer, request_id: str) -> HttpResponse:
            response = HttpResponse(answer.pop("_status", status), id_headers(protocol, request_id))
            extra = answer.pop("_headers", None)
            write_body(answer, response)
            place(answer, response)
            if extra:
                response.headers.update(extra)
            return response

        return serialise

    def _body_writer(self, operation: OperationModel, shape: Shape) -> Callable[[Answer, HttpResponse], None]:
        if shape.payload is not None:
            return self._payload_writer(shape.payload, shape.members[shape.payload])
        elsewhere = {name for name, ref in shape.members.items() if ref.location in rest.OUTPUT_LOCATIONS}
        members = [(name, ref) for name, ref in shape.members.items() if name not in elsewhere]
        if self._model.protocol == "rest-xml":
            return self._xml_body(operation, members)
        write, write_quickly = self._json_writer.structure(members), self._quick.writer(members)

        def write_json(answer: Answer, response: HttpResponse) -> None:
            response.headers["Content-Type"] = "application/json"
            if response.status != 204:
                body = {k: v for k, v in answer.items() if k not in elsewhere} if elsewhere else answer
                response.body = write_quickly(body) or msgspec.json.encode(write(body))

        return write_json

    def _xml_body(
        self, operation: OperationModel, members: list[tuple[str, Ref]]
    ) -> Callable[[Answer, HttpResponse], None]:
        if not members or operation.output is None:
            return lambda _answer, _response: None
        if operation.name == "GetBucketLocation":  # its only member is the root: "cannot be modeled", says botocore
            return _location
        shape = self._model.shape(operation.output)
        name = _ROOTS.get(operation.name) or shape.location_name or _result_name(operation.output.shape)
        write = self._xml_writer.structure(name, f' xmlns="{self._namespace}"' if self._namespace else "", members)

        def write_xml(answer: Answer, response: HttpResponse) -> None:
            out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
            write(out, answer)
            response.headers["Content-Type"] = "application/xml"
            response.body = "".join(out).encode()

        return write_xml

    def _payload_writer(self, name: str, ref: Ref) -> Callable[[Answer, HttpResponse], None]:
        shape = self._model.shape(ref)
        if shape.type in ("blob", "string") or ref.streaming or shape.streaming:

            def write_raw(answer: Answer, response: HttpResponse) -> None:
                value = answer.get(name) or b""
                response.headers["Content-Type"] = "application/octet-stream"
                response.body = value if isinstance(value, (bytes, FileRange)) else str(value).encode()

            return write_raw
        if self._model.protocol == "rest-xml":
            write = self._xml_writer.element(ref.location_name or ref.shape, ref)

            def write_xml(answer: Answer, response: HttpResponse) -> None:
                out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
                if answer.get(name) is not None:
                    write(out, answer[name])
                    response.headers["Content-Type"] = "application/xml"
                    response.body = "".join(out).encode()

            return write_xml
        convert = self._json_writer.writer(ref)

        def write_json(answer: Answer, response: HttpResponse) -> None:
            response.headers["Content-Type"] = "application/json"
            response.body = msgspec.json.encode(convert(answer.get(name) or {}))

        return write_json


def _json_body(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from None


def _utf8(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8 text") from None


def _location(answer: Answer, response: HttpResponse) -> None:
    region = answer.get("LocationConstraint") or ""
    response.headers["Content-Type"] = "application/xml"
    response.body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<LocationConstraint xmlns="{_S3_NAMESPACE}">{escape(region)}</LocationConstraint>'
    ).encode()


def _result_name(shape_name: str) -> str:
    """S3 names its roots after the result: ListBucketsOutput is `ListBucketsResult` on the wire."""
    return shape_name.removesuffix("Output").removesuffix("Result") + "Result"
