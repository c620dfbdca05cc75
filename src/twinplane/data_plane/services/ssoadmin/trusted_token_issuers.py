"""The OpenID Connect issuers whose tokens applications may exchange."""

import uuid
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import check_issuer_url, check_oidc, invalid
from twinplane.data_plane.services.ssoadmin.shared import (
    check_instance,
    conflict,
    instance_id,
    name_resource,
    not_found,
    page_of,
    tag_new,
)
from twinplane.data_plane.store import AlreadyExists, Document


def create_trusted_token_issuer(call: Call, request: Request) -> Answer:
    """Trusts an OpenID Connect issuer. As in AWS it is not asked now whether it exists."""
    check_instance(call, request)
    oidc = request["TrustedTokenIssuerConfiguration"].get("OidcJwtConfiguration")
    if not oidc:
        raise invalid("OidcJwtConfiguration is required.")
    check_issuer_url(oidc["IssuerUrl"])
    check_oidc(oidc)
    arn = f"arn:aws:sso::{call.account_id}:trustedTokenIssuer/{instance_id(call)}/tti-{uuid.uuid4()}"
    _put(
        call, {"TrustedTokenIssuerArn": arn, "Name": request["Name"], "issuer_url": oidc["IssuerUrl"], "oidc": oidc}
    )  # fmt: skip
    tag_new(call, arn, request)
    return {"TrustedTokenIssuerArn": arn}


def describe_trusted_token_issuer(call: Call, request: Request) -> Answer:
    issuer = _get(call, request)
    return {**_view(issuer), "TrustedTokenIssuerConfiguration": {"OidcJwtConfiguration": issuer["oidc"]}}


def list_trusted_token_issuers(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    found, more = page_of(call, request, store.ISSUERS)
    return {"TrustedTokenIssuers": [_view(issuer) for issuer in found], **more}


def update_trusted_token_issuer(call: Call, request: Request) -> Answer:
    issuer = _get(call, request)
    changes = (request.get("TrustedTokenIssuerConfiguration") or {}).get("OidcJwtConfiguration") or {}
    oidc = issuer["oidc"] | changes
    check_oidc(oidc)
    _put(call, issuer | {"Name": request.get("Name") or issuer["Name"], "oidc": oidc})
    return {}


def delete_trusted_token_issuer(call: Call, request: Request) -> Answer:
    """Its tokens are worth nothing from now on, whatever grants still name it."""
    arn = _get(call, request)["TrustedTokenIssuerArn"]
    call.tx.remove(store.ISSUERS, arn)
    store.put_tags(call.tx, arn, {})
    return {}


def _get(call: Call, request: Request) -> Document:
    issuer = store.find_issuer(call.tx, request["TrustedTokenIssuerArn"])
    if issuer is None:
        raise not_found(f"There is no trusted token issuer {request['TrustedTokenIssuerArn']}.")
    name_resource(call, issuer["TrustedTokenIssuerArn"], "TrustedTokenIssuer")
    return issuer


def _put(call: Call, issuer: Document) -> None:
    try:
        call.tx.put(store.ISSUERS, issuer)
    except AlreadyExists:
        raise conflict("There is a trusted token issuer with this name or issuer URL already.") from None
    name_resource(call, issuer["TrustedTokenIssuerArn"], "TrustedTokenIssuer")


def _view(issuer: Document) -> dict[str, Any]:
    return {
        "TrustedTokenIssuerArn": issuer["TrustedTokenIssuerArn"], "Name": issuer["Name"],
        "TrustedTokenIssuerType": "OIDC_JWT",
    }  # fmt: skip
