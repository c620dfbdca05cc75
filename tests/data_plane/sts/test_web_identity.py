"""Sessions for those whom an OpenID Connect provider vouches for, and every refusal on the way."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc.jwk import RSAKey

from tests.data_plane.ssooidc.test_token_exchange import AUDIENCE, Issuer

_names = count()
ALL_ACTIONS = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def provider(plane: Any, issuer: Issuer) -> str:
    made = plane.client("iam").create_open_id_connect_provider(Url=issuer.url, ClientIDList=[AUDIENCE])
    arn: str = made["OpenIDConnectProviderArn"]
    return arn


@pytest.fixture(scope="module")
def sts(plane: Any) -> Any:
    """A client without credentials: the token is all its caller has."""
    return plane.client("sts", {}, config=Config(signature_version=UNSIGNED))


class Roles:
    def __init__(self, plane: Any, provider: str, issuer: Issuer) -> None:
        self.iam, self.provider, self.name = plane.client("iam"), provider, issuer.url.partition("//")[2]

    def make(self, condition: Any = None, actions: Any = ALL_ACTIONS, principal: Any = None, **more: Any) -> str:
        name = f"Federated{next(_names)}"
        statement = {
            "Effect": "Allow", "Principal": principal or {"Federated": self.provider}, "Action": actions,
            "Condition": condition or {},
        }  # fmt: skip
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]
        allowed = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}}
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allowed))
        arn: str = role["Arn"]
        return arn


@pytest.fixture(scope="module")
def roles(plane: Any, provider: str, issuer: Issuer) -> Roles:
    return Roles(plane, provider, issuer)


def assume(sts: Any, role: str, token: str, **members: Any) -> dict[str, Any]:
    answer: dict[str, Any] = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="runner", WebIdentityToken=token, **members
    )
    return answer


def refusal(call: Any, *arguments: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **members)
    code: str = refused.value.response["Error"]["Code"]
    return code


def test_a_token_of_a_known_provider_is_worth_a_session(plane: Any, sts: Any, roles: Roles, issuer: Issuer) -> None:
    role = roles.make({"StringEquals": {f"{roles.name}:aud": AUDIENCE, f"{roles.name}:sub": "repo:a"}})
    answer = assume(sts, role, issuer.token("x@y.example", sub="repo:a"))
    assert answer["SubjectFromWebIdentityToken"] == "repo:a"
    assert (answer["Provider"], answer["Audience"]) == (issuer.url, AUDIENCE)
    me = plane.client("sts", answer["Credentials"]).get_caller_identity()
    assert me["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert me["Arn"].endswith(f"/{role.rpartition('/')[2]}/runner")
    assert plane.client("iam", answer["Credentials"]).list_roles()["Roles"]
    assert refusal(plane.client("iam", answer["Credentials"]).get_user, UserName="administrator") == "AccessDenied"


def test_the_call_is_recorded_as_the_tokens_subject(plane: Any, sts: Any, roles: Roles, issuer: Issuer) -> None:
    role = roles.make()
    assume(sts, role, issuer.token("x@y.example", sub="recorded"))
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithWebIdentity"}]
    events = plane.client("cloudtrail").lookup_events(LookupAttributes=attribute)["Events"]
    records = [json.loads(event["CloudTrailEvent"]) for event in events]
    record = next(one for one in records if one["userIdentity"].get("userName") == "recorded")
    assert record["userIdentity"]["type"] == "WebIdentityUser"
    assert record["userIdentity"]["identityProvider"] == roles.provider
    assert "webIdentityToken" not in record["requestParameters"] or record["requestParameters"][
        "webIdentityToken"
    ].startswith("HIDDEN")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "another-app"}, "InvalidIdentityToken"),
        ({"aud": None}, "InvalidIdentityToken"),
        ({"sub": None}, "InvalidIdentityToken"),
        ({"exp": None}, "InvalidIdentityToken"),
        ({"exp": 1_000_000_000}, "ExpiredTokenException"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_100}, "IDPRejectedClaim"),
        ({"nbf": 4_000_000_000}, "IDPRejectedClaim"),
        ({"azp": "another-app"}, "InvalidIdentityToken"),
        ({"exp": -1e300}, "ExpiredTokenException"),
        ({"exp": float("nan")}, "ExpiredTokenException"),
        ({"exp": "tomorrow"}, "InvalidIdentityToken"),
        ({"sub": ["a"]}, "InvalidIdentityToken"),
        ({"iss": "http://127.0.0.1:9/other"}, "InvalidIdentityToken"),
        ({"https://aws.amazon.com/tags": {"principal_tags": {"k": ["a", "b"]}}}, "InvalidIdentityToken"),
    ],
)
def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(
    sts: Any, roles: Roles, issuer: Issuer, claims: dict[str, Any], code: str
) -> None:
    assert refusal(assume, sts, roles.make(), issuer.token("x@y.example", **claims)) == code


def test_a_token_that_the_provider_did_not_sign_is_refused(sts: Any, roles: Roles, issuer: Issuer) -> None:
    role = roles.make()
    stranger = RSAKey.generate_key(2048, {"use": "sig", "kid": issuer.key.kid})
    assert refusal(assume, sts, role, issuer.token("x@y.example", key=stranger)) == "InvalidIdentityToken"
    whole = issuer.token("x@y.example")
    assert refusal(assume, sts, role, whole.rpartition(".")[0] + ".") == "InvalidIdentityToken"
    assert refusal(assume, sts, role, "not.a.token") == "InvalidIdentityToken"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": 5},
        {"alg": "RS256", "kid": ["x"]},
        {"alg": "RS256", "kid": {"x": 1}},
        {"alg": "RS256", "crit": ["exp"]},
        [],
        "[" * 6_000,
    ],
)
def test_a_token_whose_header_is_made_up_is_refused(sts: Any, roles: Roles, issuer: Issuer, header: Any) -> None:
    _, payload, signature = issuer.token("x@y.example").split(".")
    text = header if isinstance(header, str) else json.dumps(header)
    forged = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    assert refusal(assume, sts, roles.make(), f"{forged}.{payload}.{signature}") == "InvalidIdentityToken"
    assert refusal(assume, sts, roles.make(), f"{forged}.{payload}.") == "InvalidIdentityToken"
    deep = base64.urlsafe_b64encode(b"[" * 6_000).decode().rstrip("=")
    assert refusal(assume, sts, roles.make(), f"{forged}.{deep}.{signature}") == "InvalidIdentityToken"


def test_a_provider_that_cannot_be_asked_is_a_failure_of_communication(plane: Any, sts: Any, roles: Roles) -> None:
    gone = Issuer()
    gone.server.shutdown()
    gone.server.server_close()
    plane.client("iam").create_open_id_connect_provider(Url=gone.url, ClientIDList=[AUDIENCE])
    assert refusal(assume, sts, roles.make(), gone.token("x@y.example")) == "IDPCommunicationError"


def test_a_forbidden_role_and_a_missing_one_look_the_same(sts: Any, roles: Roles, issuer: Issuer) -> None:
    token = issuer.token("x@y.example", sub="repo:b")
    other = roles.make({"StringEquals": {f"{roles.name}:sub": "repo:a"}})
    other_provider = roles.make(principal={"Federated": roles.provider + "/other"})
    for_accounts = roles.make(principal={"AWS": "*"})
    missing = "arn:aws:iam::111122223333:role/Missing"
    texts = set()
    for role in (other, other_provider, for_accounts, missing):
        with pytest.raises(ClientError) as refused:
            assume(sts, role, token)
        texts.add((refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]))
    assert texts == {("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")}


def test_tags_and_a_source_identity_come_with_the_token(plane: Any, sts: Any, roles: Roles, issuer: Issuer) -> None:
    claims = {
        "https://aws.amazon.com/tags": {"principal_tags": {"stage": ["dev"]}, "transitive_tag_keys": ["stage"]},
        "https://aws.amazon.com/source_identity": "request-7",
    }
    token = issuer.token("x@y.example", **claims)
    tagged = roles.make({"StringEquals": {"aws:RequestTag/stage": "dev", "sts:SourceIdentity": "request-7"}})
    assert assume(sts, tagged, token)["SourceIdentity"] == "request-7"
    assert refusal(assume, sts, roles.make(actions=ALL_ACTIONS[:1]), token) == "AccessDenied"
    assert refusal(assume, sts, roles.make(actions=ALL_ACTIONS[:2]), token) == "AccessDenied"


def test_a_session_lasts_no_longer_than_its_role_allows(sts: Any, roles: Roles, issuer: Issuer) -> None:
    token = issuer.token("x@y.example")
    assert refusal(assume, sts, roles.make(), token, DurationSeconds=7200) == "ValidationError"
    answer = assume(sts, roles.make(MaxSessionDuration=7200), token, DurationSeconds=7200)
    assert answer["Credentials"]["Expiration"].timestamp() - time.time() > 7100


def test_the_sign_in_of_the_plane_itself_can_be_a_provider(plane: Any, sts: Any) -> None:
    iam = plane.client("iam")
    made = iam.create_open_id_connect_provider(Url=plane.endpoint + "/_idp", ClientIDList=["app"])
    arn = made["OpenIDConnectProviderArn"]
    assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == ["app"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_providers_are_kept_and_changed(plane: Any) -> None:
    iam = plane.client("iam")
    url = "https://issuer.example/path"
    made = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["a"], ThumbprintList=["a" * 40], Tags=[{"Key": "k", "Value": "v"}]
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == "arn:aws:iam::111122223333:oidc-provider/issuer.example/path"
    assert refusal(iam.create_open_id_connect_provider, Url=url) == "EntityAlreadyExists"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == (url[8:], ["b"], ["b" * 40])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["k"])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    tags = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
    assert tags == [{"Key": "l", "Value": "w"}]
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refusal(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == "NoSuchEntity"


@pytest.mark.parametrize("url", ["http://issuer.example", "https://", "https://issuer.example?x=1", "ftp://127.0.0.1"])
def test_only_secure_issuers_or_those_of_this_machine_are_providers(plane: Any, url: str) -> None:
    assert refusal(plane.client("iam").create_open_id_connect_provider, Url=url) == "InvalidInput"
