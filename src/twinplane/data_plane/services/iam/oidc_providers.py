"""OpenID Connect providers: whose tokens AssumeRoleWithWebIdentity believes, and for which audiences.

An issuer on this machine may be plain http; on AWS every issuer is https. Thumbprints are kept, not used: the issuer's
certificate is checked as any https client does.
"""

from urllib.parse import urlsplit

from twinplane.data_plane.call import Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.loopback import is_loopback
from twinplane.data_plane.services.iam import store
from twinplane.data_plane.services.iam.entities import (
    already_exists,
    changed_tags,
    no_such,
    page_of_list,
    quota,
    tag_list,
    without_tags,
)
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.store import AlreadyExists, Document, Transaction

_MOST_PROVIDERS = 100
_MOST_CLIENT_IDS = 100


def issuer_name(url: str) -> str:
    """The URL as ARNs and condition keys have it: without its scheme."""
    return url.partition("://")[2]


def find_provider(tx: Transaction, issuer: str) -> Document | None:
    """The provider whose URL is exactly this issuer, or None."""
    found = tx.first(store.OIDC_PROVIDERS, {"name": issuer_name(issuer)})
    return found if found is not None and found["url"] == issuer else None


def create_open_id_connect_provider(call: Call, request: Request) -> Answer:
    url, client_ids = request["Url"], list(dict.fromkeys(request.get("ClientIDList") or ()))
    _check_url(url)
    quota(len(client_ids), _MOST_CLIENT_IDS, "ClientIdsPerOpenIdConnectProvider")
    quota(call.tx.count(store.OIDC_PROVIDERS) + 1, _MOST_PROVIDERS, "OpenIdConnectProvidersPerAccount")
    provider = {
        "Arn": f"arn:aws:iam::{call.account_id}:oidc-provider/{issuer_name(url)}", "name": issuer_name(url), "url": url,
        "client_ids": client_ids, "thumbprints": request.get("ThumbprintList") or [], "CreateDate": call.now,
        "tags": changed_tags({}, request.get("Tags")),
    }  # fmt: skip
    try:
        call.tx.add(store.OIDC_PROVIDERS, provider)
    except AlreadyExists:
        raise already_exists("Provider", url) from None
    return {"OpenIDConnectProviderArn": provider["Arn"], "Tags": tag_list(provider["tags"])}


def get_open_id_connect_provider(call: Call, request: Request) -> Answer:
    provider = _get(call, request)
    return {
        "Url": provider["name"], "ClientIDList": provider["client_ids"], "ThumbprintList": provider["thumbprints"],
        "CreateDate": provider["CreateDate"], "Tags": tag_list(provider["tags"]),
    }  # fmt: skip


def list_open_id_connect_providers(call: Call, _request: Request) -> Answer:
    return {"OpenIDConnectProviderList": [{"Arn": each["Arn"]} for each in call.tx.select(store.OIDC_PROVIDERS)]}


def delete_open_id_connect_provider(call: Call, request: Request) -> Answer:
    call.tx.remove(store.OIDC_PROVIDERS, _get(call, request)["Arn"])
    return {}


def add_client_id(call: Call, request: Request) -> Answer:
    provider = _get(call, request)
    client_ids = list(dict.fromkeys([*provider["client_ids"], request["ClientID"]]))
    quota(len(client_ids), _MOST_CLIENT_IDS, "ClientIdsPerOpenIdConnectProvider")
    return _put(call, provider | {"client_ids": client_ids})


def remove_client_id(call: Call, request: Request) -> Answer:
    provider = _get(call, request)
    return _put(call, provider | {"client_ids": [one for one in provider["client_ids"] if one != request["ClientID"]]})


def update_thumbprint(call: Call, request: Request) -> Answer:
    return _put(call, _get(call, request) | {"thumbprints": request["ThumbprintList"]})


def tag_open_id_connect_provider(call: Call, request: Request) -> Answer:
    provider = _get(call, request)
    return _put(call, provider | {"tags": changed_tags(provider["tags"], request["Tags"])})


def untag_open_id_connect_provider(call: Call, request: Request) -> Answer:
    provider = _get(call, request)
    return _put(call, provider | {"tags": without_tags(provider["tags"], request["TagKeys"])})


def list_open_id_connect_provider_tags(call: Call, request: Request) -> Answer:
    found, more = page_of_list(call, request, tag_list(_get(call, request)["tags"]), "Key")
    return {"Tags": found, **more}


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ServiceError(
            "InvalidInputException", "Url must be the https URL of an issuer, without query or fragment."
        )


def _get(call: Call, request: Request) -> Document:
    arn = request["OpenIDConnectProviderArn"]
    provider = call.tx.find(store.OIDC_PROVIDERS, arn)
    if provider is None:
        raise no_such(f"OpenIDConnect Provider not found for arn {arn}")
    call.resources.append({"ARN": arn, "type": "AWS::IAM::OIDCProvider"})
    return provider


def _put(call: Call, provider: Document) -> Answer:
    call.tx.put(store.OIDC_PROVIDERS, provider)
    return {}


def _arn(_call: Call, request: Request) -> str:
    return str(request["OpenIDConnectProviderArn"])


def _new_arn(call: Call, request: Request) -> str:
    return f"arn:aws:iam::{call.account_id}:oidc-provider/{issuer_name(request['Url'])}"


OPERATIONS: dict[str, Operation] = {
    "CreateOpenIDConnectProvider": writes(
        create_open_id_connect_provider, iam("iam:CreateOpenIDConnectProvider", _new_arn)
    ),
    "GetOpenIDConnectProvider": reads(get_open_id_connect_provider, iam("iam:GetOpenIDConnectProvider", _arn)),
    "ListOpenIDConnectProviders": reads(list_open_id_connect_providers, iam("iam:ListOpenIDConnectProviders")),
    "DeleteOpenIDConnectProvider": writes(
        delete_open_id_connect_provider, iam("iam:DeleteOpenIDConnectProvider", _arn)
    ),
    "AddClientIDToOpenIDConnectProvider": writes(add_client_id, iam("iam:AddClientIDToOpenIDConnectProvider", _arn)),
    "RemoveClientIDFromOpenIDConnectProvider": writes(
        remove_client_id, iam("iam:RemoveClientIDFromOpenIDConnectProvider", _arn)
    ),
    "UpdateOpenIDConnectProviderThumbprint": writes(
        update_thumbprint, iam("iam:UpdateOpenIDConnectProviderThumbprint", _arn)
    ),
    "TagOpenIDConnectProvider": writes(tag_open_id_connect_provider, iam("iam:TagOpenIDConnectProvider", _arn)),
    "UntagOpenIDConnectProvider": writes(untag_open_id_connect_provider, iam("iam:UntagOpenIDConnectProvider", _arn)),
    "ListOpenIDConnectProviderTags": reads(
        list_open_id_connect_provider_tags, iam("iam:ListOpenIDConnectProviderTags", _arn)
    ),
}
