"""What an application and a trusted token issuer may be set up as."""

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH = "refresh_token"
IDENTITY_ATTRIBUTES = ("userName", "emails.value")
_MAX_AUDIENCES = 10


def check_issuer_url(url: str) -> None:
    """Raises `ServiceError` ValidationException unless it is an https URL, or http on this machine."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.query or parts.fragment:
        raise invalid("IssuerUrl must be an https URL without query (http is taken for this machine only).")
    if url.rstrip("/").endswith("/.well-known/openid-configuration"):
        raise invalid("IssuerUrl must be given without /.well-known/openid-configuration.")


def is_loopback(host: str) -> bool:
    """Is the host this machine?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_oidc(configuration: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException when claims cannot be matched with people this way."""
    attribute = configuration.get("IdentityStoreAttributePath")
    if attribute not in IDENTITY_ATTRIBUTES:
        raise invalid(f"IdentityStoreAttributePath must be one of {', '.join(IDENTITY_ATTRIBUTES)}.")
    if not configuration.get("ClaimAttributePath"):
        raise invalid("ClaimAttributePath is required.")


def check_grant(grant_type: str, grant: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException unless the grant fits its type and is one that is served."""
    if grant_type == REFRESH:
        if "RefreshToken" not in grant:
            raise invalid("The grant must be a RefreshToken grant.")
        return
    if grant_type != JWT_BEARER:
        raise invalid(f"The grant type {grant_type} is not served by the local data plane.")
    issuers = grant.get("JwtBearer", {}).get("AuthorizedTokenIssuers") or []
    if not issuers:
        raise invalid("A JwtBearer grant needs AuthorizedTokenIssuers.")
    for issuer in issuers:
        audiences = issuer.get("AuthorizedAudiences") or []
        if not issuer.get("TrustedTokenIssuerArn") or not 1 <= len(audiences) <= _MAX_AUDIENCES:
            raise invalid("Each authorized issuer needs a TrustedTokenIssuerArn and 1 to 10 AuthorizedAudiences.")


def actor_policy_text(method: dict[str, Any]) -> str:
    """The actor policy of an IAM authentication method. Raises `ServiceError` ValidationException."""
    policy = (method.get("Iam") or {}).get("ActorPolicy")
    text = policy if isinstance(policy, str) else json.dumps(policy, separators=(",", ":"))
    try:
        compile_policy(text, "resource")
    except MalformedPolicy as error:
        raise invalid(f"The ActorPolicy is not a policy: {error}") from None
    return text


def invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
