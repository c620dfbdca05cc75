"""Errors as an Iceberg REST catalog words them."""

import msgspec

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.wire.errors import own_code
from twinplane.data_plane.wire.http import HttpResponse, id_headers
from twinplane.data_plane.wire.service import ServiceWire

# Codes of Glue and of the engine: what the Iceberg specification calls them, and the status its clients go by.
_ERRORS = {
    "AccessDeniedException": ("ForbiddenException", 403), "AlreadyExistsException": ("AlreadyExistsException", 409),
    "EntityNotFoundException": ("NoSuchTableException", 404), "NoSuchNamespaceException": (None, 404),
    "NamespaceNotEmptyException": (None, 409), "CommitFailedException": (None, 409),
    "ConcurrentModificationException": ("CommitFailedException", 409), "NotImplemented": (None, 501),
    "UnknownOperationException": (None, 404), "PERMISSION_DENIED": ("ForbiddenException", 403),
    "InternalServerException": (None, 500), "ServiceUnavailableException": (None, 503),
    "ThrottlingException": (None, 429), "GENERIC_INTERNAL_ERROR": ("InternalServerException", 500),
    **dict.fromkeys((
        "MissingAuthenticationTokenException", "UnrecognizedClientException", "InvalidSignatureException",
        "ExpiredTokenException", "IncompleteSignatureException",
    ), (None, 403)),
}  # fmt: skip


class IcebergWire(ServiceWire):
    """The protocol side of the Iceberg REST endpoint."""

    def error(self, error: ServiceError, request_id: str) -> HttpResponse:
        code = own_code("rest-json", error.code)
        name, status = _ERRORS.get(code, (None, error.status or 400))
        body = {"error": {"message": error.message, "type": name or code, "code": status}}
        headers = {**id_headers("rest-json", request_id), "Content-Type": "application/json"}
        return HttpResponse(status, headers, msgspec.json.encode(body))
