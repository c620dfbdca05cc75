"""Applications that people use through Identity Center: how they prove who they are, what they get, and for whom."""

import json
import secrets
from typing import Any

from twinplane.data_plane.call import Answer, Call, Request
from twinplane.data_plane.services.identitystore import store as identity_store
from twinplane.data_plane.services.ssoadmin import store
from twinplane.data_plane.services.ssoadmin.rules import CUSTOM_PROVIDER, actor_policy_text, check_grant, invalid
from twinplane.data_plane.services.ssoadmin.shared import (
    check_instance,
    check_principal,
    instance_id,
    name_resource,
    not_found,
    page_of,
    tag_new,
)
from twinplane.data_plane.store import Document

_PROVIDER = {
    "ApplicationProviderArn": CUSTOM_PROVIDER,
    "FederationProtocol": "OAUTH",
    "DisplayData": {"DisplayName": "Custom OAuth 2.0 application", "Description": "An application of your own"},
}
_SHOWN = (
    "ApplicationArn", "ApplicationProviderArn", "Name", "ApplicationAccount", "InstanceArn", "IdentityStoreArn",
    "Status", "PortalOptions", "Description", "CreatedDate", "CreatedFrom",
)  # fmt: skip


def create_application(call: Call, request: Request) -> Answer:
    """Creates an application that requires assignments, as AWS does."""
    check_instance(call, request)
    if request["ApplicationProviderArn"] != CUSTOM_PROVIDER:
        raise invalid(f"There is no application provider {request['ApplicationProviderArn']}.")
    arn = f"arn:aws:sso::{call.account_id}:application/{instance_id(call)}/apl-{secrets.token_hex(8)}"
    application = call.tx.add(
        store.APPLICATIONS,
        {
            "ApplicationArn": arn,
            "ApplicationProviderArn": CUSTOM_PROVIDER,
            "Name": request["Name"],
            "ApplicationAccount": call.account_id,
            "InstanceArn": request["InstanceArn"],
            "IdentityStoreArn": identity_store.identity_store_arn(call.plane),
            "Status": request.get("Status") or "ENABLED",
            "Description": request.get("Description"),
            "PortalOptions": request.get("PortalOptions"),
            "CreatedDate": call.now,
            "CreatedFrom": call.region,
            "assignment_required": True,
            "actor_policy": None,
            "grants": {},
            "scopes": {},
        },
    )
    tag_new(call, arn, request)
    name_resource(call, arn, "Application")
    return {member: application[member] for member in ("ApplicationArn", "InstanceArn", "IdentityStoreArn")}


def describe_application(call: Call, request: Request) -> Answer:
    return _view(_get(call, request))


def list_applications(call: Call, request: Request) -> Answer:
    check_instance(call, request)
    columns = {"ApplicationProvider": "ApplicationProviderArn", "ApplicationAccount": "ApplicationAccount"}
    where = {columns[member]: value for member, value in (request.get("Filter") or {}).items()}
    found, more = page_of(call, request, store.APPLICATIONS, where)
    return {"Applications": [_view(application) for application in found], **more}


def update_application(call: Call, request: Request) -> Answer:
    changes = {m: request[m] for m in ("Name", "Description", "Status", "PortalOptions") if request.get(m) is not None}
    return _change(call, _get(call, request) | changes)


def delete_application(call: Call, request: Request) -> Answer:
    """Removes the application with its assignments. What was issued for it stops working at its next use."""
    arn = _get(call, request)["ApplicationArn"]
    for assignment in call.tx.select(store.ASSIGNMENTS, {"ApplicationArn": arn}):
        call.tx.remove(store.ASSIGNMENTS, *store.ASSIGNMENTS.key_of(assignment))
    call.tx.remove(store.APPLICATIONS, arn)
    store.put_tags(call.tx, arn, {})
    return {}


def list_application_providers(_call: Call, _request: Request) -> Answer:
    return {"ApplicationProviders": [_PROVIDER]}


def describe_application_provider(_call: Call, request: Request) -> Answer:
    if request["ApplicationProviderArn"] != CUSTOM_PROVIDER:
        raise not_found(f"There is no application provider {request['ApplicationProviderArn']}.")
    return _PROVIDER


# --- authentication method ---


def put_application_authentication_method(call: Call, request: Request) -> Answer:
    text = actor_policy_text(request["AuthenticationMethod"])
    return _change(call, _get(call, request) | {"actor_policy": text})


def get_application_authentication_method(call: Call, request: Request) -> Answer:
    text = _get(call, request)["actor_policy"]
    if text is None:
        raise not_found("The application has no IAM authentication method.")
    return {"AuthenticationMethod": _method(text)}


def list_application_authentication_methods(call: Call, request: Request) -> Answer:
    text = _get(call, request)["actor_policy"]
    methods = [] if text is None else [{"AuthenticationMethodType": "IAM", "AuthenticationMethod": _method(text)}]
    return {"AuthenticationMethods": methods}


def delete_application_authentication_method(call: Call, request: Request) -> Answer:
    application = _get(call, request)
    if application["actor_policy"] is None:
        raise not_found("The application has no IAM authentication method.")
    return _change(call, application | {"actor_policy": None})


def _method(text: str) -> dict[str, Any]:
    return {"Iam": {"ActorPolicy": json.loads(text)}}


# --- grants ---


def put_application_grant(call: Call, request: Request) -> Answer:
    application = _get(call, request)
    check_grant(request["GrantType"], request["Grant"])
    for issuer in request["Grant"].get("JwtBearer", {}).get("AuthorizedTokenIssuers", ()):
        if store.find_issuer(call.tx, issuer["TrustedTokenIssuerArn"]) is None:
            raise not_found(f"There is no trusted token issuer {issuer['TrustedTokenIssuerArn']}.")
    application["grants"][request["GrantType"]] = request["Grant"]
    return _change(call, application)


def get_application_grant(call: Call, request: Request) -> Answer:
    return {"Grant": _grant(_get(call, request), request)}


def list_application_grants(call: Call, request: Request) -> Answer:
    grants = _get(call, request)["grants"]
    return {"Grants": [{"GrantType": kind, "Grant": grant} for kind, grant in sorted(grants.items())]}


def delete_application_grant(call: Call, request: Request) -> Answer:
    application = _get(call, request)
    _grant(application, request)
    del application["grants"][request["GrantType"]]
    return _change(call, application)


def _grant(application: Document, request: Request) -> Any:
    grant = application["grants"].get(request["GrantType"])
    if grant is None:
        raise not_found(f"The application has no grant of type {request['GrantType']}.")
    return grant


# --- access scopes ---


def put_application_access_scope(call: Call, request: Request) -> Answer:
    """Lets the application ask for a scope; `AuthorizedTargets` may take tokens with it in exchange."""
    application = _get(call, request)
    application["scopes"][request["Scope"]] = request.get("AuthorizedTargets") or []
    return _change(call, application)


def get_application_access_scope(call: Call, request: Request) -> Answer:
    return _scope_view(request["Scope"], _scope(_get(call, request), request))


def list_application_access_scopes(call: Call, request: Request) -> Answer:
    """Answers all scopes in one page: an application has a handful."""
    scopes = _get(call, request)["scopes"]
    return {"Scopes": [_scope_view(scope, targets) for scope, targets in sorted(scopes.items())]}


def delete_application_access_scope(call: Call, request: Request) -> Answer:
    application = _get(call, request)
    _scope(application, request)
    del application["scopes"][request["Scope"]]
    return _change(call, application)


def _scope(application: Document, request: Request) -> list[str]:
    targets: list[str] | None = application["scopes"].get(request["Scope"])
    if targets is None:
        raise not_found(f"The application has no scope {request['Scope']}.")
    return targets


def _scope_view(scope: str, targets: list[str]) -> dict[str, Any]:
    return {"Scope": scope, **({"AuthorizedTargets": targets} if targets else {})}


# --- assignments ---


def put_application_assignment_configuration(call: Call, request: Request) -> Answer:
    return _change(call, _get(call, request) | {"assignment_required": request["AssignmentRequired"]})


def get_application_assignment_configuration(call: Call, request: Request) -> Answer:
    return {"AssignmentRequired": _get(call, request)["assignment_required"]}


def create_application_assignment(call: Call, request: Request) -> Answer:
    """Assigns a person or a group. Repeating it changes nothing, as in AWS."""
    assignment = _assignment(call, request)
    check_principal(call, request["PrincipalType"], request["PrincipalId"])
    call.tx.put(store.ASSIGNMENTS, assignment)
    return {}


def describe_application_assignment(call: Call, request: Request) -> Answer:
    assignment = call.tx.find(store.ASSIGNMENTS, *store.ASSIGNMENTS.key_of(_assignment(call, request)))
    if assignment is None:
        raise not_found("There is no such assignment.")
    return assignment


def delete_application_assignment(call: Call, request: Request) -> Answer:
    if not call.tx.remove(store.ASSIGNMENTS, *store.ASSIGNMENTS.key_of(_assignment(call, request))):
        raise not_found("There is no such assignment.")
    return {}


def list_application_assignments(call: Call, request: Request) -> Answer:
    where = {"ApplicationArn": _get(call, request)["ApplicationArn"]}
    found, more = page_of(call, request, store.ASSIGNMENTS, where)
    return {"ApplicationAssignments": found, **more}


def list_application_assignments_for_principal(call: Call, request: Request) -> Answer:
    """The assignments of the person or group itself; those through a group are the group's."""
    check_instance(call, request)
    check_principal(call, request["PrincipalType"], request["PrincipalId"])
    where = {"PrincipalId": request["PrincipalId"], "PrincipalType": request["PrincipalType"]}
    where |= {member: value for member, value in (request.get("Filter") or {}).items() if member == "ApplicationArn"}
    found, more = page_of(call, request, store.ASSIGNMENTS, where)
    return {"ApplicationAssignments": found, **more}


def _assignment(call: Call, request: Request) -> Document:
    return {
        "ApplicationArn": _get(call, request)["ApplicationArn"],
        "PrincipalType": request["PrincipalType"],
        "PrincipalId": request["PrincipalId"],
    }


# --- shared ---


def _get(call: Call, request: Request) -> Document:
    application = store.find_application(call.tx, request["ApplicationArn"])
    if application is None:
        raise not_found(f"There is no application {request['ApplicationArn']}.")
    name_resource(call, application["ApplicationArn"], "Application")
    return application


def _change(call: Call, application: Document) -> Answer:
    call.tx.put(store.APPLICATIONS, application)
    return {}


def _view(application: Document) -> dict[str, Any]:
    return {member: application[member] for member in _SHOWN if application[member] is not None}
