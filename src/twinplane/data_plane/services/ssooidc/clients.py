"""Public clients, such as the AWS CLI: they register, a person lets them in, and they get a token for her accounts."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from twinplane.data_plane.call import Answer, Call, Principal, Request
from twinplane.data_plane.loopback import is_loopback
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin.rules import is_redirect_uri
from twinplane.data_plane.services.ssooidc import signing, store
from twinplane.data_plane.services.ssooidc.errors import refused
from twinplane.data_plane.services.ssooidc.rules import (
    CLIENT_GRANTS,
    DEVICE_CODE,
    DEVICE_GRANTS,
    are_scopes,
    is_verified,
)
from twinplane.data_plane.store import Document, Transaction

if TYPE_CHECKING:
    from twinplane.data_plane.plane import Plane

INTERVAL_SECONDS = 1
_ACCESS_SECONDS = 3600  # of a client that can refresh
SESSION_SECONDS = 8 * 3600  # how long a sign-in to the access portal lasts by default
_BURST = 2  # the AWS CLI asks twice before it begins to wait


def register_client(call: Call, request: Request) -> Answer:
    """Registers a client for 90 days. Anyone may: what a client gets is decided by the person who lets it in."""
    if request["clientType"] != "public":
        raise refused("InvalidClientMetadataException", "clientType must be public.")
    if request.get("entitledApplicationArn"):
        raise refused("InvalidRequestException", "entitledApplicationArn is not served by the local data plane.")
    grants, uris = request.get("grantTypes") or DEVICE_GRANTS, request.get("redirectUris") or []
    for grant in grants:
        if grant not in CLIENT_GRANTS:
            raise refused("UnsupportedGrantTypeException", f"The grant type {grant} is not one of public clients.")
    for uri in uris:
        if not is_redirect_uri(uri) or not is_own_machine(uri):
            raise refused("InvalidRedirectUriException", f"{uri} does not lead back to the client's own machine.")
    if "authorization_code" in grants and not uris:
        raise refused("InvalidRedirectUriException", "The grant authorization_code needs redirectUris.")
    if request.get("issuerUrl") and not is_issuer(call.plane, request["issuerUrl"]):
        raise refused("InvalidRequestException", f"{request['issuerUrl']} is not this instance.")
    scopes = request.get("scopes") or []
    if not are_scopes(scopes):
        raise refused("InvalidScopeException", "The scopes are not scopes.")
    client, secret = store.new_client(
        call.tx, now=call.now, name=request["clientName"][:256], scopes=sorted(scopes), grants=list(grants), uris=uris
    )
    return {
        "clientId": client["client_id"], "clientSecret": secret, "clientIdIssuedAt": int(client["issued_at"]),
        "clientSecretExpiresAt": int(client["expires_at"]),
        "authorizationEndpoint": call.plane.settings.endpoint + "/authorize",
        "tokenEndpoint": call.plane.settings.endpoint + "/token",
    }  # fmt: skip


def start_device_authorization(call: Call, request: Request) -> Answer:
    """Begins a sign-in that the person finishes in any browser, with the code that the client shows her."""
    client = _client(call.tx, call, request)
    if DEVICE_CODE not in client["grants"]:
        raise refused("UnauthorizedClientException", "The client is not registered for device codes.")
    if not is_issuer(call.plane, request["startUrl"]):
        raise refused("InvalidRequestException", f"{request['startUrl']} is not the start URL of this instance.")
    device, code = store.new_device(call.tx, client_id=client["client_id"], now=call.now)
    page = signing.development_issuer(call.plane) + "/device"
    return {
        "deviceCode": code, "userCode": device["user_code"], "verificationUri": page,
        "verificationUriComplete": f"{page}?user_code={device['user_code']}",
        "expiresIn": store.DEVICE_SECONDS, "interval": INTERVAL_SECONDS,
    }  # fmt: skip


async def create_token(call: Call, request: Request) -> Answer:
    """A token for the accounts of the person who let the client in, or why there is none (yet)."""
    grant_type = request["grantType"]
    if grant_type not in CLIENT_GRANTS:
        raise refused("UnsupportedGrantTypeException", f"The grant type {grant_type} is not served.")
    client = call.plane.store.read(lambda tx: _client(tx, call, request))
    if grant_type not in client["grants"]:
        raise refused("UnauthorizedClientException", f"The client is not registered for {grant_type}.")
    member = {DEVICE_CODE: "deviceCode", "authorization_code": "code", "refresh_token": "refreshToken"}[grant_type]
    given = request.get(member)
    if not given:
        raise refused("InvalidRequestException", f"{member} is required for this grant type.")
    if grant_type == DEVICE_CODE:
        return await _of_device(call, client, given)
    # Used up by itself: what comes a second time ends its family, though we then refuse.
    if grant_type == "refresh_token":
        found = await call.plane.store.write(
            lambda tx: store.take_refresh_token(tx, given, issuer="client", client_id=client["client_id"], now=call.now)
        )
    else:
        found = await call.plane.store.write(lambda tx: store.take_code(tx, given, issuer="client", now=call.now))
        if found is not None and not _is_of(client, found, request):
            found = None
    if found is None:
        raise refused(
            "InvalidGrantException", "The code or token is not valid: it was used, has expired, or never was."
        )
    ends_at = found["expires_at"] if grant_type == "refresh_token" else None
    return await call.commit(lambda tx: _tokens(call, tx, client, found["user_id"], found["family"], ends_at))


def client_access(call: Call, request: Request) -> None:
    """The client's own secret is what these operations ask for. Raises `ServiceError` InvalidClientException."""
    _client(call.tx, call, request)


def is_issuer(plane: "Plane", url: str) -> bool:
    """Does the URL name this instance: its start URL, as AWS writes it or on this machine, or its issuer?"""
    bare = url.rstrip("#/")
    instance = identity_store.instance_arn(plane).rpartition("/")[2]
    return bare in (
        signing.development_issuer(plane) + "/start",
        f"https://{identity_store.identity_store_id(plane)}.awsapps.com/start",
        f"https://identitycenter.amazonaws.com/{instance}",
    )


def is_own_machine(uri: str) -> bool:
    """Does a redirect URI lead to the machine the browser runs on, over http?"""
    parts = urlsplit(uri)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def person(call: Call, user_id: str, family: str) -> Principal:
    """Who a bearer token stands for, as the call's record names her and the sign-in that the token came of."""
    arn = identity_store.user_arn(user_id)
    return Principal("IdentityCenterUser", call.account_id, arn, access_key_id=family, on_behalf_of=user_id)


def _client(tx: Transaction, call: Call, request: Request) -> Document:
    client = store.find_client(tx, request["clientId"], call.now)
    if client is None or client["secret_hash"] != store.hash_of(request["clientSecret"]):
        raise refused("InvalidClientException", "There is no such client, or its secret is wrong or has expired.")
    return client


def _is_of(client: Document, code: Document, request: Request) -> bool:
    return (
        code["client_id"] == client["client_id"]
        and code["redirect_uri"] == request.get("redirectUri")
        and is_verified(request.get("codeVerifier"), code["challenge"])
    )


async def _of_device(call: Call, client: Document, code: str) -> Answer:
    def poll(tx: Transaction) -> Document | None:
        device = tx.find(store.DEVICES, store.hash_of(code))
        if device is None or device["client_id"] != client["client_id"]:
            return None
        return tx.put(store.DEVICES, device | {"polls": device["polls"] + 1})

    device = await call.plane.store.write(poll)
    if device is None:
        raise refused("InvalidGrantException", "The device code is not valid.")
    if device["expires_at"] <= call.now:
        raise refused("ExpiredTokenException", "The device code has expired.")
    if device["status"] == "DENIED":
        raise refused("AccessDeniedException", "The person denied the request.")
    if device["status"] == "PENDING":
        if device["polls"] > _BURST + (call.now - device["started_at"]) / INTERVAL_SECONDS:
            raise refused("SlowDownException", "The client asks more often than it may.")
        raise refused("AuthorizationPendingException", "The person has not decided yet.")

    def take(tx: Transaction) -> Answer:
        if not tx.remove(store.DEVICES, device["hash"]):
            raise refused("InvalidGrantException", "The device code was used before.")
        return _tokens(call, tx, client, device["user_id"], store.new_family())

    return await call.commit(take)


def _tokens(
    call: Call, tx: Transaction, client: Document, user_id: str, family: str, ends_at: float | None = None
) -> Answer:
    """The tokens for a person who signed in; `ends_at`: when that sign-in ends, if it was not now."""
    if identity_store.find_active_user(tx, user_id) is None:
        raise refused("InvalidGrantException", "The person is gone.")
    call.principal = person(call, user_id, family)
    ends_at = ends_at or call.now + SESSION_SECONDS
    refreshes = "refresh_token" in client["grants"] and bool(client["scopes"])
    seconds = min(_ACCESS_SECONDS if refreshes else SESSION_SECONDS, int(ends_at - call.now))
    shared = {
        "client_id": client["client_id"], "user_id": user_id, "scopes": client["scopes"], "family": family,
        "now": call.now,
    }  # fmt: skip
    answer: Answer = {
        "accessToken": store.new_portal_token(tx, expires_at=call.now + seconds, **shared),
        "tokenType": "Bearer", "expiresIn": seconds,
    }  # fmt: skip
    if refreshes:
        answer["refreshToken"] = store.new_refresh_token(tx, issuer="client", expires_at=ends_at, **shared)
    return answer
