"""How Identity Center's token endpoint refuses: AWS's code, with OAuth's beside it."""

from twinplane.data_plane.call import ServiceError

_OAUTH_ERRORS = {
    "InvalidRequestException": "invalid_request",
    "InvalidClientException": "invalid_client",
    "InvalidGrantException": "invalid_grant",
    "UnauthorizedClientException": "unauthorized_client",
    "UnsupportedGrantTypeException": "unsupported_grant_type",
    "InvalidScopeException": "invalid_scope",
    "AccessDeniedException": "access_denied",
    "AuthorizationPendingException": "authorization_pending",
    "SlowDownException": "slow_down",
    "ExpiredTokenException": "expired_token",
    "InvalidClientMetadataException": "invalid_client_metadata",
    "InvalidRedirectUriException": "invalid_redirect_uri",
}


def refused(code: str, message: str) -> ServiceError:
    """The refusal with AWS's code and OAuth's."""
    return ServiceError(code, message, error=_OAUTH_ERRORS[code], error_description=message)
