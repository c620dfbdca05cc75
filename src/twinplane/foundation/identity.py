"""Groups, people, and the trust that lets the Management App act on a person's behalf."""

from functools import partial
from typing import Any

from twinplane.foundation.run import Item, NotAsExpected, Run

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH_GRANT = "refresh_token"
SCOPES = ("sts:identity_context", "lakeformation:query")
_CUSTOM_APPLICATION = "arn:aws:sso::aws:applicationProvider/custom"


def application_name(mesh_name: str) -> str:
    """The name of the Identity Center application, and of the issuer it trusts, of a mesh."""
    return f"twinplane-{mesh_name}"


def settle_instance(run: Run) -> None:
    """Finds the Identity Center instance of the account or its organisation."""
    instances = run.aws.items("sso-admin", "list_instances", "Instances")
    if not instances:
        raise NotAsExpected("this account sees no IAM Identity Center instance: enable Identity Center first")
    run.ids["instance", ""] = instances[0]["InstanceArn"]
    run.ids["identity store", ""] = instances[0]["IdentityStoreId"]


def settle_people(run: Run) -> None:
    """Groups, people and who belongs where. People and memberships that the mesh does not name are left alone."""
    identity, store = run.mesh.identity, run.ids["identity store", ""]
    client = run.aws["identitystore"]
    listed = run.aws.items("identitystore", "list_groups", "Groups", IdentityStoreId=store)
    groups = {group["DisplayName"]: group for group in listed}
    for group in identity.groups:
        described = {"Description": group.description} if group.description else {}
        run.settle(
            "group",
            group.name,
            groups.get(group.name),
            described,
            create=partial(client.create_group, IdentityStoreId=store, DisplayName=group.name, **described),
            id_member="GroupId",
            managed_by=identity.managed_by,
        )
    listed = run.aws.items("identitystore", "list_users", "Users", IdentityStoreId=store)
    users = {user["UserName"]: user for user in listed}
    for person in identity.people:
        actual = None
        if (user := users.get(person.name)) is not None:
            emails = [email["Value"] for email in user.get("Emails", [])]
            actual = user | {"email": person.email if person.email in emails else ", ".join(emails)}
        run.settle(
            "person",
            person.name,
            actual,
            {"DisplayName": person.display_name, "email": person.email},
            create=partial(
                client.create_user,
                IdentityStoreId=store,
                UserName=person.name,
                DisplayName=person.display_name,
                Name=_name(person.display_name),
                Emails=[{"Value": person.email, "Type": "work", "Primary": True}],
            ),
            id_member="UserId",
            managed_by=identity.managed_by,
        )
    _settle_memberships(run, store)


def _name(display_name: str) -> dict[str, str]:
    given, _, family = display_name.rpartition(" ")
    return {"GivenName": given or family, "FamilyName": family}


def _settle_memberships(run: Run, store: str) -> None:
    members: dict[str, set[str]] = {}
    for group in run.mesh.identity.groups:
        group_id = run.id_of("group", group.name)
        if group_id is not None:
            listed = run.aws.items(
                "identitystore", "list_group_memberships", "GroupMemberships", IdentityStoreId=store, GroupId=group_id
            )
            members[group.name] = {membership["MemberId"]["UserId"] for membership in listed}
    for person in run.mesh.identity.people:
        user_id = run.id_of("person", person.name)
        for name in person.groups:
            run.settle(
                "membership",
                f"{person.name} in {name}",
                {} if user_id in members.get(name, ()) else None,
                {},
                create=partial(
                    run.aws["identitystore"].create_group_membership,
                    IdentityStoreId=store,
                    GroupId=run.id_of("group", name),
                    MemberId={"UserId": user_id},
                ),
                managed_by=run.mesh.identity.managed_by,
            )


def settle_trust(run: Run) -> None:
    """The trusted token issuer and the application through which a person's token becomes an identity context."""
    instance, sso, name = run.ids["instance", ""], run.aws["sso-admin"], application_name(run.mesh.name)
    issuer = run.mesh.identity.issuer
    url = issuer.url or run.issuer_url
    if url is None:
        raise NotAsExpected(
            "the mesh names no issuer: give identity.issuer.url, the URL of the people's identity provider"
        )
    wanted: dict[str, Any] = {
        "IssuerUrl": url,
        "ClaimAttributePath": issuer.claim,
        "IdentityStoreAttributePath": issuer.attribute,
    }
    issuers = run.aws.items("sso-admin", "list_trusted_token_issuers", "TrustedTokenIssuers", InstanceArn=instance)
    actual: Item | None = None
    for listed in issuers:
        if listed["Name"] == name:
            arn = listed["TrustedTokenIssuerArn"]
            described = sso.describe_trusted_token_issuer(TrustedTokenIssuerArn=arn)
            actual = described["TrustedTokenIssuerConfiguration"]["OidcJwtConfiguration"] | {
                "TrustedTokenIssuerArn": arn
            }
    run.settle(
        "trusted token issuer",
        name,
        actual,
        wanted,
        create=partial(_create_issuer, run, name, wanted),
        update=partial(_update_issuer, run, name, actual or {}, wanted),
        id_member="TrustedTokenIssuerArn",
    )
    _settle_application(run, instance, name)


def _create_issuer(run: Run, name: str, wanted: Item) -> Any:
    return run.aws["sso-admin"].create_trusted_token_issuer(
        InstanceArn=run.ids["instance", ""],
        Name=name,
        TrustedTokenIssuerType="OIDC_JWT",
        TrustedTokenIssuerConfiguration={"OidcJwtConfiguration": wanted | {"JwksRetrievalOption": "OPEN_ID_DISCOVERY"}},
    )


def _update_issuer(run: Run, name: str, actual: Item, wanted: Item) -> None:
    """AWS cannot change an issuer's URL: an issuer that moved is replaced, and the application's grant renewed."""
    sso, arn = run.aws["sso-admin"], actual["TrustedTokenIssuerArn"]
    if actual["IssuerUrl"] == wanted["IssuerUrl"]:
        changeable = {key: value for key, value in wanted.items() if key != "IssuerUrl"}
        sso.update_trusted_token_issuer(
            TrustedTokenIssuerArn=arn, TrustedTokenIssuerConfiguration={"OidcJwtConfiguration": changeable}
        )
        return
    sso.delete_trusted_token_issuer(TrustedTokenIssuerArn=arn)
    run.ids["trusted token issuer", name] = _create_issuer(run, name, wanted)["TrustedTokenIssuerArn"]


def _settle_application(run: Run, instance: str, name: str) -> None:
    sso, mesh = run.aws["sso-admin"], run.mesh
    applications = run.aws.items("sso-admin", "list_applications", "Applications", InstanceArn=instance)
    run.settle(
        "application",
        name,
        next((application for application in applications if application["Name"] == name), None),
        {"Status": "ENABLED"},
        create=partial(
            sso.create_application,
            InstanceArn=instance,
            ApplicationProviderArn=_CUSTOM_APPLICATION,
            Name=name,
            Status="ENABLED",
        ),
        id_member="ApplicationArn",
    )
    arn = run.id_of("application", name)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": run.role_arn(mesh.app.role)},
                "Action": "sso-oauth:CreateTokenWithIAM",
                "Resource": "*",
            }
        ],
    }
    method = arn and run.aws.find(
        sso.get_application_authentication_method, ApplicationArn=arn, AuthenticationMethodType="IAM"
    )
    put = partial(
        sso.put_application_authentication_method,
        ApplicationArn=arn,
        AuthenticationMethodType="IAM",
        AuthenticationMethod={"Iam": {"ActorPolicy": policy}},
    )
    run.settle(
        "application",
        f"{name}: the app may ask",
        method["AuthenticationMethod"]["Iam"] if isinstance(method, dict) else None,
        {"ActorPolicy": policy},
        create=put,
        update=put,
    )
    grant = arn and run.aws.find(sso.get_application_grant, ApplicationArn=arn, GrantType=JWT_BEARER)
    issuer_arn = run.id_of("trusted token issuer", name)
    trusted = [{"TrustedTokenIssuerArn": issuer_arn, "AuthorizedAudiences": [mesh.app.client_id]}]
    put = partial(
        sso.put_application_grant,
        ApplicationArn=arn,
        GrantType=JWT_BEARER,
        Grant={"JwtBearer": {"AuthorizedTokenIssuers": trusted}},
    )
    run.settle(
        "application",
        f"{name}: accepts tokens",
        grant["Grant"]["JwtBearer"] if isinstance(grant, dict) else None,
        {"AuthorizedTokenIssuers": trusted},
        create=put,
        update=put,
    )
    refresh = arn and run.aws.find(sso.get_application_grant, ApplicationArn=arn, GrantType=REFRESH_GRANT)
    run.settle(
        "application",
        f"{name}: renews tokens",
        refresh["Grant"] if isinstance(refresh, dict) else None,
        {},
        create=partial(
            sso.put_application_grant, ApplicationArn=arn, GrantType=REFRESH_GRANT, Grant={"RefreshToken": {}}
        ),
    )
    _settle_scopes_and_assignments(run, name, arn)


def _settle_scopes_and_assignments(run: Run, name: str, arn: str | None) -> None:
    sso = run.aws["sso-admin"]
    scopes: set[str] = set()
    assigned: set[str] = set()
    if arn is not None:
        listed = run.aws.items("sso-admin", "list_application_access_scopes", "Scopes", ApplicationArn=arn)
        scopes = {scope["Scope"] for scope in listed}
        listed = run.aws.items(
            "sso-admin", "list_application_assignments", "ApplicationAssignments", ApplicationArn=arn
        )
        assigned = {assignment["PrincipalId"] for assignment in listed}
    for scope in SCOPES:
        run.settle(
            "application",
            f"{name}: {scope}",
            {} if scope in scopes else None,
            {},
            create=partial(sso.put_application_access_scope, ApplicationArn=arn, Scope=scope),
        )
    for group in run.mesh.identity.groups:
        group_id = run.ref("group", group.name)
        run.settle(
            "application",
            f"{name}: for {group.name}",
            {} if group_id in assigned else None,
            {},
            create=partial(
                sso.create_application_assignment, ApplicationArn=arn, PrincipalId=group_id, PrincipalType="GROUP"
            ),
        )
