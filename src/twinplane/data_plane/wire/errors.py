"""Errors as each protocol writes them."""

import re
from collections.abc import Callable

import msgspec

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.http import HttpResponse
from twinplane.data_plane.wire.models import Model, OperationModel
from twinplane.data_plane.wire.xml import escape

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
)
_COLUMN = {"query": 0, "rest-xml": 1, "json": 2, "rest-json": 2}
_BY_ANY_NAME = {name: row for row in reversed(_NAMES) for name in row}

_VALIDATION_CODES = (
    "ValidationException", "InvalidInputException", "InvalidRequestException", "InvalidParameterException",
)  # fmt: skip


def own_code(protocol: str, code: str) -> str:
    """A common refusal's name in a protocol; other codes stay as they are."""
    row = _BY_ANY_NAME.get(code)
    return row[_COLUMN[protocol]] if row else code


def validation_code(model: Model, operation: OperationModel) -> str:
    """What the service calls a request that breaks the model's constraints."""
    if model.protocol == "query":
        return "ValidationError"
    if model.protocol == "rest-xml":
        return "InvalidRequest"
    declared = {ref.shape for ref in operation.errors}
    return next((code for code in _VALIDATION_CODES if code in declared), "ValidationException")


def response(model: Model, error: ServiceError, request_id: str) -> HttpResponse:
    """An error as the service's protocol answers it."""
    shape = model.error_shape(error.code)
    traits = shape.error if shape is not None else None
    code = error.code if shape is not None else own_code(model.protocol, error.code)
    status = error.status
    if status is None and traits is not None:
        status = traits.http_status_code
    if status is None and shape is not None and shape.fault:
        status = 500
    if status is None:
        status = _COMMON_STATUS.get(code, 400)
    write = _WRITERS[model.protocol]
    return write(model, ServiceError(code, error.message, status, **error.members), status, request_id)


def of_no_service(error: ServiceError, as_xml: bool) -> HttpResponse:
    """An error of a request of which we do not even know the service: in XML where the client speaks query."""
    code, status = own_code("query" if as_xml else "json", error.code), error.status or 400
    if as_xml:
        text = (
            f"<ErrorResponse><Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
            "</ErrorResponse>"
        )
        return HttpResponse(status, {"Content-Type": "text/xml"}, text.encode())
    body = msgspec.json.encode({"__type": code, "message": error.message})
    return HttpResponse(status, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-ErrorType": code}, body)


def _json(model: Model, error: ServiceError, status: int, _request_id: str) -> HttpResponse:
    shape = model.error_shape(error.code)
    members = shape.members if shape is not None else {}
    message_name = "Message" if "Message" in members else "message"
    body = {"__type": error.code, message_name: error.message, **error.members}
    if "error_description" in members:  # sso-oidc words its errors as OAuth does
        body = {"error": _snake(error.code), "error_description": error.message} | body
    rest = model.protocol == "rest-json"
    content_type = "application/json" if rest else f"application/x-amz-json-{model.metadata.json_version or '1.0'}"
    headers = {"Content-Type": content_type, "x-amzn-ErrorType": error.code}
    return HttpResponse(status, headers, msgspec.json.encode(body))


def _snake(code: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code.removesuffix("Exception")).lower()


def _query(model: Model, error: ServiceError, status: int, request_id: str) -> HttpResponse:
    shape = model.error_shape(error.code)
    code = shape.error.code if shape is not None and shape.error is not None and shape.error.code else error.code
    kind = "Sender" if status < 500 else "Receiver"
    text = (
        f'<ErrorResponse xmlns="{model.metadata.xml_namespace}"><Error><Type>{kind}</Type>'
        f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return HttpResponse(status, {"Content-Type": "text/xml"}, text.encode())


def _xml(_model: Model, error: ServiceError, status: int, request_id: str) -> HttpResponse:
    extra = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in error.members.items())
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{escape(error.code)}</Code>'
        f"<Message>{escape(error.message)}</Message>{extra}<RequestId>{request_id}</RequestId></Error>"
    )
    return HttpResponse(status, {"Content-Type": "application/xml"}, text.encode())


_WRITERS: dict[str, Callable[[Model, ServiceError, int, str], HttpResponse]] = {
    "query": _query, "json": _json, "rest-json": _json, "rest-xml": _xml,
}  # fmt: skip
