"""From a person's id token to credentials that act on her behalf, and every refusal on the way."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CONTEXT_PROVIDER = "arn:aws:iam::aws:contextProvider/IdentityCenter"
ADMINISTRATOR = "arn:aws:iam::111122223333:user/administrator"
AUDIENCE = "the-app"
_numbers = count()


class Issuer:
    """A company's OpenID Connect issuer, as much of it as Identity Center asks for."""

    def __init__(self) -> None:
        self.key: Any = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
        self.claimed_issuer: str | None = None
        issuer = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/.well-known/openid-configuration":
                    body: Any = {"issuer": issuer.claimed_issuer or issuer.url, "jwks_uri": issuer.url + "/jwks"}
                else:
                    body = {"keys": [issuer.key.as_dict(private=False)]}
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, email: str, *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """An id token for the person with this email; `claims` given as None are left out."""
        key = key or self.key
        body = {
            "iss": self.url, "sub": "somebody", "aud": AUDIENCE, "email": email, "jti": str(uuid.uuid4()),
            "iat": int(time.time()), "exp": int(time.time()) + 300, **claims,
        }  # fmt: skip
        body = {claim: value for claim, value in body.items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": key.kid}, body, key, algorithms=[algorithm])


class Company:
    """Identity Center set up for one application, whose role is the caller's, and one role that people act through."""

    def __init__(self, plane: Any, issuer: Issuer) -> None:
        self.plane, self.issuer = plane, issuer
        self.sso, self.iam = plane.client("sso-admin"), plane.client("iam")
        found = self.sso.list_instances()["Instances"][0]
        self.instance, self.store_id = found["InstanceArn"], found["IdentityStoreId"]
        self.app_role = self.role("App", ADMINISTRATOR, ["sso-oauth:CreateTokenWithIAM", "sts:*"])
        self.person_role = self.role("Person", self.app_role, "iam:GetRole", ["sts:AssumeRole", "sts:SetContext"])
        self.trusted = self.trust(issuer.url)
        self.application = self.new_application()

    def role(
        self, name: str, principal: str, allow: Any, trusted: Any = "sts:AssumeRole", condition: Any = None
    ) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": trusted,
            "Condition": condition or {},
        }
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        arn: str = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": allow, "Resource": "*"}}
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return arn

    def trust(self, url: str, claim: str = "email", attribute: str = "emails.value") -> str:
        oidc = {
            "IssuerUrl": url, "ClaimAttributePath": claim, "IdentityStoreAttributePath": attribute,
            "JwksRetrievalOption": "OPEN_ID_DISCOVERY",
        }  # fmt: skip
        arn: str = self.sso.create_trusted_token_issuer(
            InstanceArn=self.instance,
            Name=f"issuer{next(_numbers)}",
            TrustedTokenIssuerType="OIDC_JWT",
            TrustedTokenIssuerConfiguration={"OidcJwtConfiguration": oidc},
        )["TrustedTokenIssuerArn"]
        return arn

    def new_application(
        self, *, issuer: str | None = None, actor: str | None = None, assigned: bool = False, refresh: bool = True
    ) -> str:
        sso = self.sso
        arn: str = sso.create_application(
            InstanceArn=self.instance,
            ApplicationProviderArn="arn:aws:sso::aws:applicationProvider/custom",
            Name=f"app{next(_numbers)}",
        )["ApplicationArn"]
        statement = {
            "Effect": "Allow", "Principal": {"AWS": actor or self.app_role}, "Action": "sso-oauth:CreateTokenWithIAM",
            "Resource": "*",
        }  # fmt: skip
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        sso.put_application_authentication_method(
            ApplicationArn=arn, AuthenticationMethodType="IAM", AuthenticationMethod={"Iam": {"ActorPolicy": policy}}
        )
        authorized = {"TrustedTokenIssuerArn": issuer or self.trusted, "AuthorizedAudiences": [AUDIENCE]}
        sso.put_application_grant(
            ApplicationArn=arn, GrantType=JWT_BEARER, Grant={"JwtBearer": {"AuthorizedTokenIssuers": [authorized]}}
        )
        if refresh:
            sso.put_application_grant(ApplicationArn=arn, GrantType="refresh_token", Grant={"RefreshToken": {}})
        for scope in ("sts:identity_context", "lakeformation:query"):
            sso.put_application_access_scope(ApplicationArn=arn, Scope=scope)
        sso.put_application_assignment_configuration(ApplicationArn=arn, AssignmentRequired=assigned)
        return arn

    def person(self, name: str | None = None) -> tuple[str, str]:
        """A new person: user id and email."""
        name = name or f"person{next(_numbers)}"
        email = f"{name}@example.org"
        user_id: str = self.plane.client("identitystore").create_user(
            IdentityStoreId=self.store_id,
            UserName=name,
            DisplayName=name,
            Name={"GivenName": name, "FamilyName": name},
            Emails=[{"Value": email, "Primary": True}],
        )["UserId"]
        return user_id, email

    def as_app(self, service: str) -> Any:
        answer = self.plane.client("sts").assume_role(RoleArn=self.app_role, RoleSessionName="app")
        return self.plane.client(service, answer["Credentials"])

    def exchange(self, assertion: str, application: str | None = None, client: Any = None, **members: Any) -> Any:
        return (client or self.as_app("sso-oidc")).create_token_with_iam(
            clientId=application or self.application, grantType=JWT_BEARER, assertion=assertion, **members
        )

    def act(self, context: str, role: str | None = None, **members: Any) -> Any:
        return self.as_app("sts").assume_role(
            RoleArn=role or self.person_role,
            RoleSessionName="person",
            ProvidedContexts=[{"ProviderArn": CONTEXT_PROVIDER, "ContextAssertion": context}],
            **members,
        )


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def company(plane: Any, issuer: Issuer) -> Company:
    return Company(plane, issuer)


def refusal(call: Any, *arguments: Any, **members: Any) -> tuple[str, str]:
    """The code and the text of a refusal."""
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def payload(token: str) -> dict[str, Any]:
    import base64

    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_an_id_token_becomes_a_session_that_acts_for_the_person(company: Company) -> None:
    user_id, email = company.person("ada")
    answer = company.exchange(company.issuer.token(email))
    context = answer["awsAdditionalDetails"]["identityContext"]
    assert len(context) <= 2048
    assert payload(answer["idToken"])["sts:identity_context"] == context
    assert payload(answer["idToken"])["sub"] == user_id
    assert {"sts:identity_context", "lakeformation:query"} <= set(answer["scope"])

    session = company.act(context)["Credentials"]
    me = company.plane.client("sts", session).get_caller_identity()
    assert me["Arn"] == "arn:aws:sts::111122223333:assumed-role/Person/person"

    company.plane.client("iam", session).get_role(RoleName="Person")
    deadline = time.time() + 5
    while True:
        events = company.plane.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "ada"}]
        )["Events"]
        if {"GetCallerIdentity", "GetRole"} <= {event["EventName"] for event in events} or time.time() > deadline:
            break
        time.sleep(0.05)
    record = json.loads(next(e["CloudTrailEvent"] for e in events if e["EventName"] == "GetRole"))
    assert record["userIdentity"]["onBehalfOf"]["userId"] == user_id


def test_a_refresh_token_gives_new_tokens_once(company: Company) -> None:
    user_id, email = company.person()
    first = company.exchange(company.issuer.token(email))

    def refresh(token: str) -> Any:
        return company.as_app("sso-oidc").create_token_with_iam(
            clientId=company.application, grantType="refresh_token", refreshToken=token
        )

    second = refresh(first["refreshToken"])
    assert payload(second["idToken"])["sub"] == user_id
    assert company.act(second["awsAdditionalDetails"]["identityContext"])["Credentials"]
    assert refusal(refresh, first["refreshToken"])[0] == "InvalidGrantException"
    # a token that came twice was stolen or lost: its successors end as well
    assert refusal(refresh, second["refreshToken"])[0] == "InvalidGrantException"


def test_a_refresh_token_serves_no_other_application(company: Company) -> None:
    token = company.exchange(company.issuer.token(company.person()[1]))["refreshToken"]
    other = company.new_application()
    code, _ = refusal(
        company.as_app("sso-oidc").create_token_with_iam,
        clientId=other,
        grantType="refresh_token",
        refreshToken=token,
    )
    assert code == "InvalidGrantException"


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"aud": "another-app"}, "audience"),
        ({"aud": ["another-app", 7]}, "audience"),
        ({"aud": None}, "audience"),
        ({"iss": "https://elsewhere.example.org"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"exp": int(time.time()) - 1}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "tomorrow"}, "expired"),
        ({"nbf": int(time.time()) + 3600}, "not valid yet"),
        ({"jti": None}, "jti"),
        ({"email": None}, "claim email"),
        ({"email": "nobody@example.org"}, "exactly one user"),
    ],
)
def test_an_assertion_must_say_the_right_things(company: Company, claims: dict[str, Any], says: str) -> None:
    email = company.person()[1]
    code, text = refusal(company.exchange, company.issuer.token(**{"email": email, **claims}))
    assert code == "InvalidGrantException"
    assert says in text


def test_an_issuer_with_a_slash_more_is_another_issuer(company: Company) -> None:
    email = company.person()[1]
    code, text = refusal(company.exchange, company.issuer.token(email, iss=company.issuer.url + "/"))
    assert (code, "issuer" in text) == ("InvalidGrantException", True)


def test_an_assertion_signed_by_another_key_is_refused(company: Company) -> None:
    email = company.person()[1]
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    disguised = RSAKey.import_key({**stranger.as_dict(private=True), "kid": company.issuer.key.kid})
    for key in (stranger, disguised):
        code, text = refusal(company.exchange, company.issuer.token(email, key=key))
        assert (code, "signature" in text) == ("InvalidGrantException", True)


@pytest.mark.parametrize("assertion", ["", "x", "a.b.c", "e30.e30.e30", "....", "é"])
def test_what_is_no_token_is_refused(company: Company, assertion: str) -> None:
    assert refusal(company.exchange, assertion)[0] in ("InvalidGrantException", "InvalidRequestException")


def test_an_unsigned_assertion_is_refused(company: Company) -> None:
    import base64

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    body = payload(company.issuer.token(company.person()[1]))
    assert refusal(company.exchange, f"{part({'alg': 'none'})}.{part(body)}.")[0] == "InvalidGrantException"


def test_an_assertion_signed_with_the_public_key_as_a_secret_is_refused(company: Company) -> None:
    import base64
    import hmac

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    body = payload(company.issuer.token(company.person()[1]))
    header = {"alg": "HS256", "kid": company.issuer.key.kid}
    text = part(json.dumps(header).encode()) + "." + part(json.dumps(body).encode())
    mark = hmac.digest(company.issuer.key.as_pem(private=False), text.encode(), "sha256")
    assert refusal(company.exchange, f"{text}.{part(mark)}")[0] == "InvalidGrantException"


def test_an_assertion_can_be_used_once(company: Company) -> None:
    assertion = company.issuer.token(company.person()[1])
    company.exchange(assertion)
    code, text = refusal(company.exchange, assertion)
    assert (code, "before" in text) == ("InvalidGrantException", True)


def test_a_refused_exchange_does_not_use_the_assertion_up(company: Company) -> None:
    user_id, email = company.person()
    application = company.new_application(assigned=True)
    assertion = company.issuer.token(email)
    assert refusal(company.exchange, assertion, application)[0] == "AccessDeniedException"
    company.sso.create_application_assignment(ApplicationArn=application, PrincipalId=user_id, PrincipalType="USER")
    assert company.exchange(assertion, application)["idToken"]


def test_new_keys_of_an_issuer_are_fetched(company: Company) -> None:
    issuer = Issuer()
    try:
        application = company.new_application(issuer=company.trust(issuer.url))
        email = company.person()[1]
        assert company.exchange(issuer.token(email), application)
        issuer.key = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
        deadline = time.time() + 20
        while True:  # not at once: a bad token must not make the plane fetch
            try:
                assert company.exchange(issuer.token(email, algorithm="ES256"), application)
                break
            except ClientError:
                assert time.time() < deadline
                time.sleep(0.5)
    finally:
        issuer.server.shutdown()


def test_an_issuer_that_is_not_who_it_should_be_is_refused(company: Company) -> None:
    issuer = Issuer()
    issuer.claimed_issuer = "https://other.example.org"
    application = company.new_application(issuer=company.trust(issuer.url))
    code, text = refusal(company.exchange, issuer.token(company.person()[1]), application)
    assert (code, "another issuer" in text) == ("InvalidGrantException", True)
    issuer.server.shutdown()
    issuer.server.server_close()


def test_an_issuer_that_does_not_answer_is_named(company: Company) -> None:
    issuer = Issuer()
    issuer.server.shutdown()
    issuer.server.server_close()
    application = company.new_application(issuer=company.trust(issuer.url))
    code, text = refusal(company.exchange, issuer.token(company.person()[1]), application)
    assert (code, "could not be fetched" in text) == ("InvalidGrantException", True)


def test_people_are_assigned_themselves_or_through_a_group(company: Company) -> None:
    application = company.new_application(assigned=True)
    user_id, email = company.person()
    assert refusal(company.exchange, company.issuer.token(email), application)[0] == "AccessDeniedException"
    directory = company.plane.client("identitystore")
    group = directory.create_group(IdentityStoreId=company.store_id, DisplayName="Analysts")["GroupId"]
    directory.create_group_membership(IdentityStoreId=company.store_id, GroupId=group, MemberId={"UserId": user_id})
    company.sso.create_application_assignment(ApplicationArn=application, PrincipalId=group, PrincipalType="GROUP")
    assert company.exchange(company.issuer.token(email), application)["idToken"]


def test_only_the_applications_actor_gets_tokens(company: Company) -> None:
    email = company.person()[1]
    administrator = company.plane.client("sso-oidc")  # may do everything, but is not the application
    code, _ = refusal(company.exchange, company.issuer.token(email), client=administrator)
    assert code == "AccessDeniedException"
    theirs = company.new_application(actor=ADMINISTRATOR)
    assert refusal(company.exchange, company.issuer.token(email), theirs)[0] == "AccessDeniedException"
    assert company.exchange(company.issuer.token(email), theirs, administrator)["idToken"]


def test_an_application_gives_only_what_it_is_set_up_for(company: Company) -> None:
    email = company.person()[1]
    unknown = company.application[:-4] + "0000"
    assert refusal(company.exchange, company.issuer.token(email), unknown)[0] == "InvalidClientException"
    code, _ = refusal(company.exchange, company.issuer.token(email), scope=["s3:everything"])
    assert code == "InvalidScopeException"
    plain = company.exchange(company.issuer.token(email), scope=["lakeformation:query"])
    assert "awsAdditionalDetails" not in plain
    assert "sts:identity_context" not in payload(plain["idToken"])
    fixed = company.new_application(refresh=False)
    assert "refreshToken" not in company.exchange(company.issuer.token(email), fixed)
    client = company.as_app("sso-oidc")
    for grant_type, code in (
        ("refresh_token", "UnauthorizedClientException"),
        ("authorization_code", "UnauthorizedClientException"),
        ("password", "UnsupportedGrantTypeException"),
    ):
        assert (
            refusal(client.create_token_with_iam, clientId=fixed, grantType=grant_type, refreshToken="x", code="x")[0]
            == code
        )
    company.sso.update_application(ApplicationArn=fixed, Status="DISABLED")
    assert refusal(company.exchange, company.issuer.token(email), fixed)[0] == "InvalidClientException"


def test_a_context_needs_a_role_that_lets_contexts_be_set(company: Company) -> None:
    context = company.exchange(company.issuer.token(company.person()[1]))["awsAdditionalDetails"]["identityContext"]
    plain = company.role("NoContext", company.app_role, "iam:GetRole", "sts:AssumeRole")
    code, text = refusal(company.act, context, plain)
    assert (code, "sts:SetContext" in text) == ("AccessDenied", True)

    both = ["sts:AssumeRole", "sts:SetContext"]
    wanted = {"ForAllValues:ArnEquals": {"sts:RequestContextProviders": [CONTEXT_PROVIDER]}}
    asking = company.role("Asking", company.app_role, "iam:GetRole", both, wanted)
    assert company.act(context, asking)["Credentials"]
    other = {"ForAllValues:ArnEquals": {"sts:RequestContextProviders": [CONTEXT_PROVIDER + "Other"]}}
    refusing = company.role("Refusing", company.app_role, "iam:GetRole", both, other)
    assert refusal(company.act, context, refusing)[0] == "AccessDenied"


def test_a_context_that_was_changed_or_made_up_is_refused(company: Company) -> None:
    answer = company.exchange(company.issuer.token(company.person()[1]))
    context = answer["awsAdditionalDetails"]["identityContext"]
    changed = context[:60] + ("A" if context[60] != "A" else "B") + context[61:]
    audit = payload(answer["idToken"])["sts:audit_context"]
    for text in (changed, "made-up-context", answer["accessToken"], answer["idToken"][:2048], audit):
        assert refusal(company.act, text)[0] == "ValidationError"


def test_a_context_ends_with_its_application_and_with_the_assignment(company: Company) -> None:
    user_id, email = company.person()
    application = company.new_application(assigned=True)
    assignment = {"ApplicationArn": application, "PrincipalId": user_id, "PrincipalType": "USER"}
    company.sso.create_application_assignment(**assignment)
    context = company.exchange(company.issuer.token(email), application)["awsAdditionalDetails"]["identityContext"]
    assert company.act(context)["Credentials"]
    company.sso.delete_application_assignment(**assignment)
    assert refusal(company.act, context)[0] == "AccessDenied"
    company.sso.create_application_assignment(**assignment)
    company.sso.delete_application(ApplicationArn=application)
    assert refusal(company.act, context)[0] == "AccessDenied"


def test_the_session_of_a_person_ends_when_she_is_deleted(company: Company) -> None:
    user_id, email = company.person()
    context = company.exchange(company.issuer.token(email))["awsAdditionalDetails"]["identityContext"]
    me = company.plane.client("sts", company.act(context)["Credentials"])
    assert me.get_caller_identity()
    company.plane.client("identitystore").delete_user(IdentityStoreId=company.store_id, UserId=user_id)
    assert refusal(me.get_caller_identity)[0] in ("ExpiredToken", "ExpiredTokenException")
    assert refusal(company.act, context)[0] == "AccessDenied"


def test_no_token_reaches_the_records(company: Company) -> None:
    assertion = company.issuer.token(company.person("recorded")[1])
    answer = company.exchange(assertion)
    credentials = company.act(answer["awsAdditionalDetails"]["identityContext"])["Credentials"]
    records = b"".join(file.read_bytes() for file in company.plane.state.glob("plane.db*"))
    secrets = [
        assertion, answer["accessToken"], answer["idToken"], answer["refreshToken"],
        answer["awsAdditionalDetails"]["identityContext"], credentials["SecretAccessKey"], credentials["SessionToken"],
    ]  # fmt: skip
    for secret in secrets:
        assert secret.encode() not in records


def test_a_person_can_be_matched_by_user_name(company: Company) -> None:
    issuer = Issuer()
    trusted = company.trust(issuer.url, claim="profile.login", attribute="userName")
    application = company.new_application(issuer=trusted)
    user_id, _ = company.person("by-name")
    answer = company.exchange(issuer.token("x@example.org", profile={"login": "BY-NAME"}), application)
    assert payload(answer["idToken"])["sub"] == user_id
    issuer.server.shutdown()


def test_an_assertion_or_context_that_is_too_long_is_refused(company: Company) -> None:
    user_id, email = company.person()
    assert user_id
    assertion = company.issuer.token(email, padding="x" * 20_000)
    code, text = refusal(company.exchange, assertion)
    assert (code, "longer" in text) == ("InvalidRequestException", True)
    context = company.exchange(company.issuer.token(email))["awsAdditionalDetails"]["identityContext"]
    assert refusal(company.act, context + "A" * 2048)[0] == "ValidationError"


def test_what_came_through_a_group_ends_with_the_group(company: Company) -> None:
    application, directory = company.new_application(assigned=True), company.plane.client("identitystore")
    user_id, email = company.person()
    group = directory.create_group(IdentityStoreId=company.store_id, DisplayName="Passing")["GroupId"]
    directory.create_group_membership(IdentityStoreId=company.store_id, GroupId=group, MemberId={"UserId": user_id})
    company.sso.create_application_assignment(ApplicationArn=application, PrincipalId=group, PrincipalType="GROUP")
    first = company.exchange(company.issuer.token(email), application)
    assert company.act(first["awsAdditionalDetails"]["identityContext"])["Credentials"]
    directory.delete_group(IdentityStoreId=company.store_id, GroupId=group)
    assert refusal(company.act, first["awsAdditionalDetails"]["identityContext"])[0] == "AccessDenied"
    assert refusal(company.exchange, company.issuer.token(email), application)[0] == "AccessDeniedException"
    refresh = {"clientId": application, "grantType": "refresh_token", "refreshToken": first["refreshToken"]}
    assert refusal(company.as_app("sso-oidc").create_token_with_iam, **refresh)[0] == "AccessDeniedException"


def test_an_assertion_stays_used_when_the_plane_is_killed(tmp_path: Any) -> None:
    from twinplane.data_plane.testing import running_plane

    issuer = Issuer()
    try:
        with running_plane(tmp_path) as plane:
            company = Company(plane, issuer)
            user_id, email = company.person()
            used, unused = issuer.token(email), issuer.token(email)
            company.exchange(used)
            application, app_role = company.application, company.app_role
            plane.process.kill()
            plane.process.wait()
        with running_plane(tmp_path) as plane:
            answer = plane.client("sts").assume_role(RoleArn=app_role, RoleSessionName="app")
            client = plane.client("sso-oidc", answer["Credentials"])

            def exchange(assertion: str) -> Any:
                return client.create_token_with_iam(clientId=application, grantType=JWT_BEARER, assertion=assertion)

            assert refusal(exchange, used)[0] == "InvalidGrantException"
            assert payload(exchange(unused)["idToken"])["sub"] == user_id
    finally:
        issuer.server.shutdown()
