"""What an application and a trusted token issuer may be set up as."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.loopback import is_loopback
from twinplane.data_plane.services.iam.policy import MalformedPolicy, compile_policy

CUSTOM_PROVIDER = "arn:aws:sso::aws:applicationProvider/custom"
AUTHORIZATION_CODE = "authorization_code"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name
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


def check_oidc(configuration: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException when claims cannot be matched with people this way."""
    attribute = configuration.get("IdentityStoreAttributePath")
    if attribute not in IDENTITY_ATTRIBUTES:
        raise invalid(f"IdentityStoreAttributePath must be one of {', '.join(IDENTITY_ATTRIBUTES)}.")
    if not configuration.get("ClaimAttributePath"):
        raise invalid("ClaimAttributePath is required.")


def check_grant(grant_type: str, grant: dict[str, Any]) -> None:
    """Raises `ServiceError` ValidationException unless the grant fits its type."""
    member = {
        REFRESH: "RefreshToken", TOKEN_EXCHANGE: "TokenExchange", AUTHORIZATION_CODE: "AuthorizationCode",
        JWT_BEARER: "JwtBearer",
    }[grant_type]  # fmt: skip
    if member not in grant:
        raise invalid(f"The grant of type {grant_type} must be a {member} grant.")
    if grant_type == AUTHORIZATION_CODE:
        uris = grant[member].get("RedirectUris") or []
        if not uris or not all(is_redirect_uri(uri) for uri in uris):
            raise invalid("An AuthorizationCode grant needs RedirectUris: https, or http on this machine.")
    if grant_type == JWT_BEARER:
        issuers = grant[member].get("AuthorizedTokenIssuers") or []
        if not issuers:
            raise invalid("A JwtBearer grant needs AuthorizedTokenIssuers.")
        for issuer in issuers:
            audiences = issuer.get("AuthorizedAudiences") or []
            if not issuer.get("TrustedTokenIssuerArn") or not 1 <= len(audiences) <= _MAX_AUDIENCES:
                raise invalid("Each authorized issuer needs a TrustedTokenIssuerArn and 1 to 10 AuthorizedAudiences.")


def is_redirect_uri(uri: str) -> bool:
    """Is the URI one that a browser may be sent to with a code: https, or http on this machine, without fragment?"""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    plain = all("!" <= character <= "~" and character not in "\\<>\"'" for character in uri)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    bare = "@" not in parts.netloc and not parts.fragment and "#" not in uri
    return plain and bare and bool(parts.hostname) and (parts.scheme == "https" or local)


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


# --- permission sets ---

DEFAULT_SESSION = "PT1H"
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_HOUR = 3600


def session_seconds(duration: str) -> int:
    """The length of a session, 1 to 12 hours, from ISO 8601. Raises `ServiceError` ValidationException."""
    found = _DURATION.fullmatch(duration)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = hours * _HOUR + minutes * 60 + seconds
    if not _HOUR <= length <= 12 * _HOUR:
        raise invalid("SessionDuration must be between 1 and 12 hours, such as PT8H.")
    return length


def checked_inline_policy(text: str) -> str:
    """The text, when it is an identity policy. Raises `ServiceError` ValidationException."""
    try:
        compile_policy(text, "identity")
    except MalformedPolicy as error:
        raise invalid(f"The InlinePolicy is not a policy: {error}") from None
    return text


def saml_trust(account_id: str, suffix: str) -> dict[str, Any]:
    """The trust policy of a permission set's role: Identity Center's own provider in the account, and nobody else."""
    provider = f"arn:aws:iam::{account_id}:saml-provider/AWSSSO_{suffix}_DO_NOT_DELETE"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow", "Principal": {"Federated": provider},
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
                "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            }
        ],
    }  # fmt: skip


# --- tags and attributes ---

_MAX_TAGS = 75


def checked_tags(tags: list[dict[str, str]], old: dict[str, str] | None = None) -> dict[str, str]:
    """The old tags with the new ones. Raises `ServiceError` ValidationException."""
    found = {tag["Key"]: tag["Value"] for tag in tags}
    if len(found) != len(tags):
        raise invalid("A tag key is there twice.")
    if any(key.lower().startswith("aws:") for key in found):
        raise invalid("Tag keys that begin with aws: are AWS's own.")
    merged = {**(old or {}), **found}
    if len(merged) > _MAX_TAGS:
        raise ServiceError("ServiceQuotaExceededException", f"A resource has at most {_MAX_TAGS} tags.")
    return merged


_SOURCE = re.compile(r"\$\{path:([A-Za-z.]+(?:\[primary eq true\]\.[A-Za-z]+)?)\}")
_PARTS = re.compile(r"[A-Za-z]+")


def check_attribute_sources(attributes: list[dict[str, Any]]) -> None:
    """Raises `ServiceError` ValidationException unless each attribute comes from one path of a person."""
    keys = [attribute["Key"] for attribute in attributes]
    if len(set(keys)) != len(keys):
        raise invalid("An attribute's key is there twice.")
    for attribute in attributes:
        sources = attribute["Value"]["Source"]
        if len(sources) != 1 or not _SOURCE.fullmatch(sources[0]):
            raise invalid(f"The source of {attribute['Key']} must be one path such as ${{path:enterprise.department}}.")


def session_tags(attributes: list[dict[str, Any]], user: dict[str, Any], enterprise: str) -> dict[str, str]:
    """The tags of a person's sessions: those of the attributes that she has. `enterprise` names the extension."""
    found = {attribute["Key"]: _text_at(attribute["Value"]["Source"][0], user, enterprise) for attribute in attributes}
    return {key: value for key, value in found.items() if value}


def _text_at(source: str, user: dict[str, Any], enterprise: str) -> str | None:
    match = _SOURCE.fullmatch(source)
    path = _PARTS.findall((match.group(1) if match else "").replace("[primary eq true]", ""))
    value: Any = user
    if path[:1] == ["enterprise"]:
        value, path = (user.get("Extensions") or {}).get(enterprise), path[1:]
    for part in path:
        if isinstance(value, list):
            value = value[0] if value else None
        names = {name.lower(): each for name, each in value.items()} if isinstance(value, dict) else {}
        value = names.get(part.lower())
    return value if isinstance(value, str) else None
