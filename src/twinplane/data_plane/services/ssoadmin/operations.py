"""IAM Identity Center's administration: the instance, its applications and the token issuers they trust."""

import json
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from twinplane.data_plane.call import Access, Answer, Call, Operation, Request, ServiceError, reads, writes
from twinplane.data_plane.pages import page
from twinplane.data_plane.services.iam.rules import iam
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import (
    actor_policy_text,
    check_grant,
    check_issuer_url,
    check_oidc,
    invalid,
)
from twinplane.data_plane.store import AlreadyExists, Document, Kind
from twinplane.data_plane.tasks import TaskKind


def list_instances(call: Call, _request: Request) -> Answer:
    return {"Instances": [_instance(call)]}


def describe_instance(call: Call, request: Request) -> Answer:
    _check_instance(call, request)
    return _instance(call)


# --- applications ---


def create_application(call: Call, request: Request) -> Answer:
    """Creates an application that requires assignments, as AWS does. A repeated ClientToken answers the first one."""
    _check_instance(call, request)
    token = request.get("ClientToken")
    known = call.tx.first(store.APPLICATIONS, {"client_token": token}) if token else None
    if known is None:
        instance_id = identity_store.instance_arn(call.plane).rpartition("/")[2]
        known = call.tx.add(
            store.APPLICATIONS,
            {
                "ApplicationArn": f"arn:aws:sso::{call.account_id}:application/{instance_id}/{_application_id()}",
                "ApplicationProviderArn": request["ApplicationProviderArn"],
                "Name": request["Name"],
                "ApplicationAccount": call.account_id,
                "InstanceArn": request["InstanceArn"],
                "IdentityStoreArn": identity_store.identity_store_arn(call.plane),
                "Status": request.get("Status") or "ENABLED",
                "Description": request.get("Description"),
                "PortalOptions": request.get("PortalOptions"),
                "CreatedDate": call.now,
                "CreatedFrom": call.region,
                "client_token": token,
                "assignment_required": True,
                "actor_policy": None,
                "grants": {},
                "scopes": {},
            },
        )
    elif known["Name"] != request["Name"]:
        raise ServiceError("ConflictException", "The ClientToken was used for another application.")
    _name(call, known["ApplicationArn"], "AWS::SSO::Application")
    return {member: known[member] for member in ("ApplicationArn", "InstanceArn", "IdentityStoreArn")}


def describe_application(call: Call, request: Request) -> Answer:
    return _application_view(_application(call, request))


def list_applications(call: Call, request: Request) -> Answer:
    _check_instance(call, request)
    wanted = request.get("Filter") or {}

    def fits(application: Document) -> bool:
        provider = wanted.get("ApplicationProvider")
        account = wanted.get("ApplicationAccount")
        return provider in (None, application["ApplicationProviderArn"]) and account in (
            None,
            application["ApplicationAccount"],
        )

    found, more = _page(call, request, store.APPLICATIONS, fits)
    return {"Applications": [_application_view(application) for application in found], **more}


def update_application(call: Call, request: Request) -> Answer:
    changes = {m: request[m] for m in ("Name", "Description", "Status", "PortalOptions") if request.get(m) is not None}
    return _change(call, _application(call, request) | changes)


def delete_application(call: Call, request: Request) -> Answer:
    """Removes the application with its assignments. What was issued for it stops working at its next use."""
    arn = _application(call, request)["ApplicationArn"]
    for assignment in call.tx.select(store.ASSIGNMENTS, {"ApplicationArn": arn}):
        call.tx.remove(store.ASSIGNMENTS, arn, assignment["PrincipalType"], assignment["PrincipalId"])
    call.tx.remove(store.APPLICATIONS, arn)
    return {}


def put_application_authentication_method(call: Call, request: Request) -> Answer:
    text = actor_policy_text(request["AuthenticationMethod"])
    return _change(call, _application(call, request) | {"actor_policy": text})


def get_application_authentication_method(call: Call, request: Request) -> Answer:
    text = _application(call, request)["actor_policy"]
    if text is None:
        raise _not_found("The application has no IAM authentication method.")
    return {"AuthenticationMethod": {"Iam": {"ActorPolicy": json.loads(text)}}}


def put_application_grant(call: Call, request: Request) -> Answer:
    application = _application(call, request)
    check_grant(request["GrantType"], request["Grant"])
    for issuer in request["Grant"].get("JwtBearer", {}).get("AuthorizedTokenIssuers", ()):
        if store.find_issuer(call.tx, issuer["TrustedTokenIssuerArn"]) is None:
            raise _not_found(f"There is no trusted token issuer {issuer['TrustedTokenIssuerArn']}.")
    application["grants"][request["GrantType"]] = request["Grant"]
    return _change(call, application)


def get_application_grant(call: Call, request: Request) -> Answer:
    grant = _application(call, request)["grants"].get(request["GrantType"])
    if grant is None:
        raise _not_found(f"The application has no grant of type {request['GrantType']}.")
    return {"Grant": grant}


def list_application_grants(call: Call, request: Request) -> Answer:
    grants = _application(call, request)["grants"]
    return {"Grants": [{"GrantType": kind, "Grant": grant} for kind, grant in sorted(grants.items())]}


def delete_application_grant(call: Call, request: Request) -> Answer:
    application = _application(call, request)
    application["grants"].pop(request["GrantType"], None)
    return _change(call, application)


def put_application_access_scope(call: Call, request: Request) -> Answer:
    application = _application(call, request)
    application["scopes"][request["Scope"]] = request.get("AuthorizedTargets") or []
    return _change(call, application)


def get_application_access_scope(call: Call, request: Request) -> Answer:
    targets = _application(call, request)["scopes"].get(request["Scope"])
    if targets is None:
        raise _not_found(f"The application has no scope {request['Scope']}.")
    return _scope_view(request["Scope"], targets)


def list_application_access_scopes(call: Call, request: Request) -> Answer:
    """Answers all scopes in one page: an application has a handful."""
    scopes = _application(call, request)["scopes"]
    return {"Scopes": [_scope_view(scope, targets) for scope, targets in sorted(scopes.items())]}


def delete_application_access_scope(call: Call, request: Request) -> Answer:
    application = _application(call, request)
    application["scopes"].pop(request["Scope"], None)
    return _change(call, application)


def put_application_assignment_configuration(call: Call, request: Request) -> Answer:
    return _change(call, _application(call, request) | {"assignment_required": request["AssignmentRequired"]})


def get_application_assignment_configuration(call: Call, request: Request) -> Answer:
    return {"AssignmentRequired": _application(call, request)["assignment_required"]}


def create_application_assignment(call: Call, request: Request) -> Answer:
    """Assigns a person or a group. Repeating it changes nothing, as in AWS."""
    application = _application(call, request)
    person = request["PrincipalType"] == "USER"
    find = identity_store.get_user if person else identity_store.get_group
    if find(call.tx, request["PrincipalId"]) is None:
        raise _not_found(f"There is no {request['PrincipalType']} {request['PrincipalId']}.")
    call.tx.put(
        store.ASSIGNMENTS,
        {
            "ApplicationArn": application["ApplicationArn"],
            "PrincipalType": request["PrincipalType"],
            "PrincipalId": request["PrincipalId"],
        },
    )
    return {}


def delete_application_assignment(call: Call, request: Request) -> Answer:
    arn = _application(call, request)["ApplicationArn"]
    if not call.tx.remove(store.ASSIGNMENTS, arn, request["PrincipalType"], request["PrincipalId"]):
        raise _not_found("There is no such assignment.")
    return {}


def list_application_assignments(call: Call, request: Request) -> Answer:
    arn = _application(call, request)["ApplicationArn"]
    found, more = _page(call, request, store.ASSIGNMENTS, lambda assignment: assignment["ApplicationArn"] == arn)
    return {"ApplicationAssignments": found, **more}


# --- trusted token issuers ---


def create_trusted_token_issuer(call: Call, request: Request) -> Answer:
    """Trusts an OpenID Connect issuer. As in AWS it is not asked now whether it exists."""
    _check_instance(call, request)
    oidc = request["TrustedTokenIssuerConfiguration"].get("OidcJwtConfiguration")
    if not oidc:
        raise invalid("OidcJwtConfiguration is required.")
    check_issuer_url(oidc["IssuerUrl"])
    check_oidc(oidc)
    token = request.get("ClientToken")
    known = call.tx.first(store.ISSUERS, {"client_token": token}) if token else None
    if known is not None and known["Name"] == request["Name"]:
        return {"TrustedTokenIssuerArn": known["TrustedTokenIssuerArn"]}
    instance_id = identity_store.instance_arn(call.plane).rpartition("/")[2]
    issuer = {
        "TrustedTokenIssuerArn": f"arn:aws:sso::{call.account_id}:trustedTokenIssuer/{instance_id}/tti-{uuid.uuid4()}",
        "Name": request["Name"], "issuer_url": oidc["IssuerUrl"], "client_token": token, "oidc": oidc,
    }  # fmt: skip
    _store_issuer(call, issuer)
    return {"TrustedTokenIssuerArn": issuer["TrustedTokenIssuerArn"]}


def describe_trusted_token_issuer(call: Call, request: Request) -> Answer:
    issuer = _issuer(call, request)
    return {
        **_issuer_view(issuer),
        "TrustedTokenIssuerConfiguration": {"OidcJwtConfiguration": issuer["oidc"]},
    }


def list_trusted_token_issuers(call: Call, request: Request) -> Answer:
    _check_instance(call, request)
    found, more = _page(call, request, store.ISSUERS, lambda _issuer: True)
    return {"TrustedTokenIssuers": [_issuer_view(issuer) for issuer in found], **more}


def update_trusted_token_issuer(call: Call, request: Request) -> Answer:
    issuer = _issuer(call, request)
    changes = (request.get("TrustedTokenIssuerConfiguration") or {}).get("OidcJwtConfiguration") or {}
    oidc = issuer["oidc"] | changes
    check_oidc(oidc)
    _store_issuer(call, issuer | {"Name": request.get("Name") or issuer["Name"], "oidc": oidc})
    return {}


def delete_trusted_token_issuer(call: Call, request: Request) -> Answer:
    call.tx.remove(store.ISSUERS, _issuer(call, request)["TrustedTokenIssuerArn"])
    return {}


# --- shared ---


def _instance(call: Call) -> dict[str, Any]:
    return {
        "InstanceArn": identity_store.instance_arn(call.plane),
        "IdentityStoreId": identity_store.identity_store_id(call.plane),
        "IdentityStoreArn": identity_store.identity_store_arn(call.plane),
        "OwnerAccountId": call.account_id, "Name": "local", "Status": "ACTIVE", "PrimaryRegion": call.region,
    }  # fmt: skip


def _application_id() -> str:
    return "apl-" + secrets.token_hex(8)


def _check_instance(call: Call, request: Request) -> None:
    if request["InstanceArn"] != identity_store.instance_arn(call.plane):
        raise ServiceError("AccessDeniedException", f"There is no access to the instance {request['InstanceArn']}.")


def _application(call: Call, request: Request) -> Document:
    application = store.find_application(call.tx, request["ApplicationArn"])
    if application is None:
        raise _not_found(f"There is no application {request['ApplicationArn']}.")
    _name(call, application["ApplicationArn"], "AWS::SSO::Application")
    return application


def _issuer(call: Call, request: Request) -> Document:
    issuer = store.find_issuer(call.tx, request["TrustedTokenIssuerArn"])
    if issuer is None:
        raise _not_found(f"There is no trusted token issuer {request['TrustedTokenIssuerArn']}.")
    return issuer


def _store_issuer(call: Call, issuer: Document) -> None:
    try:
        call.tx.put(store.ISSUERS, issuer)
    except AlreadyExists:
        raise ServiceError(
            "ConflictException", "There is a trusted token issuer with this name, issuer URL or client token already."
        ) from None
    _name(call, issuer["TrustedTokenIssuerArn"], "AWS::SSO::TrustedTokenIssuer")


def _change(call: Call, application: Document) -> Answer:
    call.tx.put(store.APPLICATIONS, application)
    return {}


def _page(
    call: Call, request: Request, kind: Kind, fits: Callable[[Document], bool]
) -> tuple[list[Document], dict[str, str]]:
    def fetch(after: list[Any] | None, limit: int) -> list[Document]:
        return [document for document in call.tx.select(kind, after=after) if fits(document)][:limit]

    found, token = page(
        call, request, fetch, lambda document: list(kind.key_of(document)),
        size="MaxResults", token="NextToken", most=100,  # noqa: S106
    )  # fmt: skip
    return found, ({"NextToken": token} if token else {})


def _name(call: Call, arn: str, kind: str) -> None:
    call.resources.append({"ARN": arn, "type": kind})


def _application_view(application: Document) -> dict[str, Any]:
    members = (
        "ApplicationArn", "ApplicationProviderArn", "Name", "ApplicationAccount", "InstanceArn", "IdentityStoreArn",
        "Status", "PortalOptions", "Description", "CreatedDate", "CreatedFrom",
    )  # fmt: skip
    return {member: application[member] for member in members if application[member] is not None}


def _scope_view(scope: str, targets: list[str]) -> dict[str, Any]:
    return {"Scope": scope, **({"AuthorizedTargets": targets} if targets else {})}


def _issuer_view(issuer: Document) -> dict[str, Any]:
    return {
        "TrustedTokenIssuerArn": issuer["TrustedTokenIssuerArn"], "Name": issuer["Name"],
        "TrustedTokenIssuerType": "OIDC_JWT",
    }  # fmt: skip


def _not_found(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


# --- permission ---


def _on(action: str, member: str | None = None) -> Access:
    return iam(f"sso:{action}", None if member is None else lambda _call, request: str(request[member]))


_INSTANCE, _APPLICATION, _ISSUER = "InstanceArn", "ApplicationArn", "TrustedTokenIssuerArn"

_READS: dict[str, tuple[Callable[[Call, Request], Answer], str | None]] = {
    "ListInstances": (list_instances, None),
    "DescribeInstance": (describe_instance, _INSTANCE),
    "DescribeApplication": (describe_application, _APPLICATION),
    "ListApplications": (list_applications, _INSTANCE),
    "GetApplicationAuthenticationMethod": (get_application_authentication_method, _APPLICATION),
    "GetApplicationGrant": (get_application_grant, _APPLICATION),
    "ListApplicationGrants": (list_application_grants, _APPLICATION),
    "GetApplicationAccessScope": (get_application_access_scope, _APPLICATION),
    "ListApplicationAccessScopes": (list_application_access_scopes, _APPLICATION),
    "GetApplicationAssignmentConfiguration": (get_application_assignment_configuration, _APPLICATION),
    "ListApplicationAssignments": (list_application_assignments, _APPLICATION),
    "DescribeTrustedTokenIssuer": (describe_trusted_token_issuer, _ISSUER),
    "ListTrustedTokenIssuers": (list_trusted_token_issuers, _INSTANCE),
}
_WRITES: dict[str, tuple[Callable[[Call, Request], Answer], str | None]] = {
    "CreateApplication": (create_application, _INSTANCE),
    "UpdateApplication": (update_application, _APPLICATION),
    "DeleteApplication": (delete_application, _APPLICATION),
    "PutApplicationAuthenticationMethod": (put_application_authentication_method, _APPLICATION),
    "PutApplicationGrant": (put_application_grant, _APPLICATION),
    "DeleteApplicationGrant": (delete_application_grant, _APPLICATION),
    "PutApplicationAccessScope": (put_application_access_scope, _APPLICATION),
    "DeleteApplicationAccessScope": (delete_application_access_scope, _APPLICATION),
    "PutApplicationAssignmentConfiguration": (put_application_assignment_configuration, _APPLICATION),
    "CreateApplicationAssignment": (create_application_assignment, _APPLICATION),
    "DeleteApplicationAssignment": (delete_application_assignment, _APPLICATION),
    "CreateTrustedTokenIssuer": (create_trusted_token_issuer, _INSTANCE),
    "UpdateTrustedTokenIssuer": (update_trusted_token_issuer, _ISSUER),
    "DeleteTrustedTokenIssuer": (delete_trusted_token_issuer, _ISSUER),
}

OPERATIONS: dict[str, Operation] = {
    **{name: reads(function, _on(name, member)) for name, (function, member) in _READS.items()},
    **{name: writes(function, _on(name, member)) for name, (function, member) in _WRITES.items()},
}
KINDS: list[Kind] = store.KINDS
TASKS: dict[str, TaskKind] = {}
