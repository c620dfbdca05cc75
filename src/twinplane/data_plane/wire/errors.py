"""Errors as each protocol writes them."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from twinplane.data_plane.call import Answer, ServiceError
from twinplane.data_plane.wire.http import HttpResponse, host_id, id_headers
from twinplane.data_plane.wire.json_shapes import JsonWriter
from twinplane.data_plane.wire.models import Model, Shape
from twinplane.data_plane.wire.rest import OUTPUT_LOCATIONS, Place, output_placer
from twinplane.data_plane.wire.xml import escape
from twinplane.data_plane.wire.xml_shapes import XmlWriter

_EMPTY = Shape(type="structure")

# Codes that any service may answer and no model declares.
_COMMON_STATUS = {
    "AccessDenied": 403, "AccessDeniedException": 403, "UnauthorizedException": 401,
    "MissingAuthenticationToken": 403, "MissingAuthenticationTokenException": 403,
    "InvalidClientTokenId": 403, "UnrecognizedClientException": 403, "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403, "InvalidSignatureException": 403, "RequestTimeTooSkewed": 403,
    "ExpiredToken": 403, "ExpiredTokenException": 403,
    "NoSuchBucket": 404, "NoSuchKey": 404, "NoSuchUpload": 404, "ResourceNotFoundException": 404,
    "MethodNotAllowed": 405, "UnknownOperationException": 404, "RequestEntityTooLarge": 413,
    "InternalError": 500, "InternalFailure": 500, "InternalServerException": 500,
    "NotImplemented": 501, "ServiceUnavailable": 503, "ServiceUnavailableException": 503,
    "Throttling": 400, "ThrottlingException": 400, "TooManyRequestsException": 400, "SlowDown": 503,
}  # fmt: skip

# The same refusal has other names in other protocols: (query, rest-xml, json). AWS's own, of each protocol's services.
_NAMES: tuple[tuple[str, str, str], ...] = (
    ("AccessDenied", "AccessDenied", "AccessDeniedException"),
    ("InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"),
    ("SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"),
    ("ExpiredToken", "ExpiredToken", "ExpiredTokenException"),
    ("MissingAuthenticationToken", "AccessDenied", "MissingAuthenticationTokenException"),
    ("IncompleteSignature", "AuthorizationHeaderMalformed", "IncompleteSignatureException"),
    ("RequestTimeTooSkewed", "RequestTimeTooSkewed", "InvalidSignatureException"),
    ("InternalFailure", "InternalError", "InternalServerException"),
    ("ServiceUnavailable", "ServiceUnavailable", "ServiceUnavailableException"),
    ("MalformedQueryString", "MalformedXML", "SerializationException"),
    ("InvalidAction", "MethodNotAllowed", "UnknownOperationException"),
    ("Throttling", "SlowDown", "ThrottlingException"),
)
_THROTTLED = ("Throttling", "SlowDown", "ThrottlingException", "TooManyRequestsException")
_COLUMN = {"query": 0, "rest-xml": 1, "json": 2, "rest-json": 2}
_BY_ANY_NAME = {name: row for row in reversed(_NAMES) for name in row}

_VALIDATION_CODES = ("ValidationException", "InvalidInputException", "InvalidRequestException")


def own_code(protocol: str, code: str) -> str:
    """A common refusal's name in a protocol; other codes stay as they are."""
    row = _BY_ANY_NAME.get(code)
    return row[_COLUMN[protocol]] if row else code


def validation_code(model: Model) -> str:
    """What the service calls a request that breaks the model's constraints.

    Glue answers `ValidationException`, also for operations that do not declare it; Athena, which has no such error,
    `InvalidRequestException`.
    """
    if model.protocol == "query":
        return "ValidationError"
    if model.protocol == "rest-xml":
        return "InvalidRequest"
    return next((code for code in _VALIDATION_CODES if code in model.shapes), "ValidationException")


class Errors:
    """The errors of one service, as its protocol answers them."""

    def __init__(self, model: Model, protocol: str | None = None) -> None:
        """`protocol`: the one of the request, where it is not the model's first."""
        self._model, self._protocol = model, protocol or model.protocol
        self._json_writer, self._xml_writer = JsonWriter(model), XmlWriter(model)

    def response(self, error: ServiceError, request_id: str) -> HttpResponse:
        """An error, with the members that the model gives it; members the model does not know go out as they are."""
        shape = self._model.error_shape(error.code)
        traits = shape.error if shape is not None else None
        code = error.code if shape is not None else own_code(self._protocol, error.code)
        status = error.status
        if status is None and traits is not None:
            status = traits.http_status_code
        if status is None and shape is not None and shape.fault:
            status = 500
        if status is None:
            status = _COMMON_STATUS.get(code, 400)
        response = HttpResponse(status, {**id_headers(self._protocol, request_id), **error.headers})
        if status in (429, 503) or code in _THROTTLED:
            response.headers["Retry-After"] = "1"
        if self._protocol in ("json", "rest-json"):
            self._json(shape, code, error, response)
        else:
            self._xml(shape, traits.code if traits and traits.code else code, error, response, request_id)
        return response

    def _json(self, shape: Shape | None, code: str, error: ServiceError, response: HttpResponse) -> None:
        members = shape.members if shape is not None else {}
        body: dict[str, Any] = {"__type": code, "Message" if "Message" in members else "message": error.message}
        if "error_description" in members:  # sso-oidc words its errors as OAuth does
            body = {"error": _snake(code), "error_description": error.message} | body
        if error.members:
            write, _, place = self._members(shape)
            body.update(write(error.members))
            place(error.members, response)
        response.headers["x-amzn-ErrorType"] = code
        if self._model.metadata.query_compatible is not None:
            old = shape.error.code if shape is not None and shape.error is not None else own_code("query", code)
            if old and old != code:
                fault = "Sender" if response.status < 500 else "Receiver"
                response.headers["x-amzn-query-error"] = f"{old};{fault}"
        version = self._model.metadata.json_version or "1.0"
        plain = self._protocol == "rest-json"
        response.headers["Content-Type"] = "application/json" if plain else f"application/x-amz-json-{version}"
        response.body = msgspec.json.encode(body)

    def _xml(
        self, shape: Shape | None, code: str, error: ServiceError, response: HttpResponse, request_id: str
    ) -> None:
        out = [f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"]
        if error.members:
            _, write, place = self._members(shape)
            write(out, error.members)
            place(error.members, response)
        inside, namespace = "".join(out), _xmlns(self._model)
        if self._protocol == "query":
            kind = "Sender" if response.status < 500 else "Receiver"
            text = f"<ErrorResponse{namespace}><Error><Type>{kind}</Type>{inside}</Error>"
            text += f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            response.headers["Content-Type"] = "text/xml"
        else:
            ids = f"<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId>"
            bare = self._model.metadata.endpoint_prefix == "s3"
            text = (
                f"<Error>{inside}{ids}</Error>"
                if bare
                else f"<ErrorResponse><Error>{inside}</Error>{ids}</ErrorResponse>"
            )
            text = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
            response.headers["Content-Type"] = "application/xml"
        response.body = text.encode()

    def _members(
        self, shape: Shape | None
    ) -> tuple[Callable[[Answer], Any], Callable[[list[str], Answer], None], Place]:
        """Writers of an error's members: to JSON, to XML, and to headers."""
        members = shape.members if shape is not None else {}
        elsewhere = set()
        if shape is not None and self._protocol.startswith("rest"):
            elsewhere = {name for name, ref in members.items() if ref.location in OUTPUT_LOCATIONS}
        inside = [(name, ref) for name, ref in members.items() if name not in elsewhere]
        write_json, write_xml = self._json_writer.structure(inside), self._xml_writer.members(inside)

        def to_json(given: Answer) -> Any:
            return write_json({name: value for name, value in given.items() if name not in elsewhere})

        def to_xml(out: list[str], given: Answer) -> None:
            write_xml(out, given)
            out += [f"<{k}>{escape(str(v))}</{k}>" for k, v in given.items() if k not in members]

        return to_json, to_xml, output_placer(self._model, shape if elsewhere and shape is not None else _EMPTY)


def of_no_service(error: ServiceError, as_xml: bool, request_id: str = "") -> HttpResponse:
    """An error of a request of which we do not even know the service: in XML where the client speaks query."""
    code, status = own_code("query" if as_xml else "json", error.code), error.status or 400
    ids = id_headers("query", request_id) if request_id else {}
    if as_xml:
        text = (
            f"<ErrorResponse><Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
            "</ErrorResponse>"
        )
        return HttpResponse(status, {**ids, "Content-Type": "text/xml"}, text.encode())
    body = msgspec.json.encode({"__type": code, "message": error.message})
    headers = {**ids, "Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}
    return HttpResponse(status, headers, body)


def _snake(code: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code.removesuffix("Exception")).lower()


def _xmlns(model: Model) -> str:
    namespace = model.metadata.xml_namespace
    return f' xmlns="{namespace}"' if namespace else ""
