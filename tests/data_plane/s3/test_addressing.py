"""How a bucket is addressed: in the path or in the host's name, over http; and what pages of other sites may do."""

import socket
import urllib.request
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.data_plane.wire.handmade import Answered, send, signed_headers
from twinplane.data_plane.testing import RunningPlane
from twinplane.data_plane.wire.hosts import bucket_of

KEY = "_delta_log/ü b+c%2F/1"


@pytest.fixture(autouse=True)
def _names_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every system resolves the names below localhost; browsers and systemd do."""
    ask = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        here = isinstance(host, str) and host.endswith(".localhost")
        return ask("127.0.0.1" if here else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def port(plane: RunningPlane) -> int:
    return urlsplit(plane.endpoint).port or 0


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3")
    for name in ("by-host", "other"):
        client.create_bucket(Bucket=name)
        client.put_object(Bucket=name, Key=KEY, Body=name.encode())
    return client


def virtual(plane: RunningPlane, base: str = "localhost", **config: Any) -> Any:
    endpoint = f"http://{base}:{port(plane)}"
    return plane.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "virtual"}, **config))


@pytest.mark.parametrize("base", ["localhost", "s3.localhost"])
def test_boto3_addresses_buckets_by_host(plane: RunningPlane, s3: Any, base: str) -> None:
    client = virtual(plane, base)
    hosts: list[str] = []
    client.meta.events.register("before-send.s3", lambda request, **_: hosts.append(urlsplit(request.url).netloc))
    name = f"made-by-host.{base.replace('.', '-')}"
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key=KEY, Body=b"1")
    assert client.get_object(Bucket=name, Key=KEY)["Body"].read() == b"1"
    assert [o["Key"] for o in client.list_objects_v2(Bucket=name)["Contents"]] == [KEY]
    assert s3.get_object(Bucket=name, Key=KEY)["Body"].read() == b"1"
    assert set(hosts) == {f"{name}.{base}:{port(plane)}"}
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": KEY}]})
    client.delete_bucket(Bucket=name)
    assert name not in [b["Name"] for b in client.list_buckets()["Buckets"]]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_urls_by_host(plane: RunningPlane, s3: Any, version: str) -> None:
    client = virtual(plane, signature_version=version)
    url = client.generate_presigned_url("get_object", {"Bucket": "by-host", "Key": KEY})
    assert urlsplit(url).netloc.startswith("by-host.")
    assert urllib.request.urlopen(url).read() == b"by-host"
    with pytest.raises(HTTPError, match="403"):
        urllib.request.urlopen(url.replace("by-host", "other"))


def to_host(
    plane: RunningPlane, path: str, signed_for: str, sent_to: str | None, signed_path: str | None = None
) -> Answered:
    """GET `path` under a signature for the host `signed_for`, sent with the Host header `sent_to`."""
    headers = signed_headers(plane, "GET", signed_path or path, headers={"host": f"{signed_for}:{port(plane)}"})
    return send(plane, "GET", path, b"", headers | {"host": f"{sent_to or signed_for}:{port(plane)}"})


def test_the_host_is_signed_and_names_the_bucket_that_permission_is_asked_for(plane: RunningPlane, s3: Any) -> None:
    s3.put_object(Bucket="by-host", Key="other/k", Body=b"in by-host")
    s3.put_object(Bucket="other", Key="k", Body=b"in other")
    assert to_host(plane, "/other/k", "by-host.localhost", None).body == b"in by-host"
    assert to_host(plane, "/other/k", "localhost", None).body == b"in other"
    assert to_host(plane, "/other/k", "localhost", "by-host.localhost").status == 403
    assert to_host(plane, "/other/k", "by-host.localhost", "localhost").status == 403
    assert to_host(plane, "/k", "by-host.localhost", "other.localhost").status == 403
    assert to_host(plane, "/other/k", "BY-HOST.localhost", None).body == b"in by-host"


def test_a_reader_of_one_bucket_reads_no_other_by_its_host(plane: RunningPlane, s3: Any) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="reader")
    allowed = (
        '{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::by-host","arn:aws:s3:::by-host/*"]}}'
    )
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=allowed)
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    endpoint = f"http://localhost:{port(plane)}"
    client = plane.client("s3", keys, endpoint_url=endpoint, config=Config(s3={"addressing_style": "virtual"}))
    assert client.get_object(Bucket="by-host", Key=KEY)["Body"].read() == b"by-host"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.get_object(Bucket="other", Key=KEY)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("localhost", ""), ("localhost:8643", ""), ("127.0.0.1:8643", ""), ("s3.localhost", ""), ("example.com", ""),
        ("a.localhost", ""), ("abc.localhost", "abc"), ("ABC.localhost:1", "abc"), ("a.b.c.localhost", "a.b.c"),
        ("abc.s3.localhost:80", "abc"), ("a.b.s3.localhost", "a.b"), ("111122223333.s3-control.localhost", ""),
        ("s3-control.localhost", ""), ("abc.localhost.example.com", ""), ("abc.localhost:x", ""), ("a_b.localhost", ""),
        ("abc.localhost,def.localhost", ""), ("-abc.localhost", ""), ("abc/d.localhost", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_bucket_that_a_host_names(host: str, bucket: str) -> None:
    assert bucket_of(host) == bucket


def test_the_sign_in_pages_are_not_at_a_bucket_s_host(plane: RunningPlane, s3: Any) -> None:
    for host, status in (("localhost", 200), ("by-host.localhost", 403)):
        answered = send(plane, "GET", "/_health", headers={"host": f"{host}:{port(plane)}"})
        assert answered.status == status


# Pages of other sites

RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def _with_cors(s3: Any) -> None:
    s3.put_bucket_cors(Bucket="by-host", CORSConfiguration={"CORSRules": RULES})


def ask(plane: RunningPlane, origin: str | None, method: str, headers: str = "", bucket: str = "by-host") -> Answered:
    given = {"Access-Control-Request-Method": method}
    given |= {"Origin": origin} if origin else {}
    given |= {"Access-Control-Request-Headers": headers} if headers else {}
    return send(plane, "OPTIONS", f"/{bucket}/key", headers=given)


@pytest.mark.usefixtures("_with_cors")
def test_a_browser_is_told_what_the_rules_allow(plane: RunningPlane, s3: Any) -> None:
    assert s3.get_bucket_cors(Bucket="by-host")["CORSRules"] == RULES
    allowed = ask(plane, "https://app.example.com", "PUT", "X-Amz-Date, x-amz-content-sha256")
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == "https://app.example.com"
    assert allowed.headers["access-control-allow-methods"] == "GET, PUT"
    assert allowed.headers["access-control-allow-headers"] == "x-amz-date, x-amz-content-sha256"
    assert allowed.headers["access-control-expose-headers"] == "ETag"
    assert allowed.headers["access-control-max-age"] == "600"
    assert "Origin" in allowed.headers["vary"]
    assert ask(plane, "https://anyone.org", "HEAD").headers["access-control-allow-origin"] == "*"
    for origin, method, headers in (
        ("https://app.example.com", "DELETE", ""), ("https://example.com", "PUT", ""),
        ("https://app.example.com.evil.org", "PUT", ""), ("https://app.example.com", "PUT", "content-type"),
        ("https://anyone.org", "GET", ""),
    ):  # fmt: skip
        refused = ask(plane, origin, method, headers)
        assert (refused.status, b"AccessForbidden" in refused.body) == (403, True), origin
        assert "access-control-allow-origin" not in refused.headers
    assert ask(plane, None, "PUT").status == 400
    assert ask(plane, "https://app.example.com", "PUT", bucket="other").status == 403
    assert ask(plane, "https://app.example.com", "PUT", bucket="none").status == 403


@pytest.mark.usefixtures("_with_cors")
def test_answers_and_refusals_carry_the_rule_s_headers(plane: RunningPlane, s3: Any) -> None:
    for path, status in (("/by-host/other/k", 200), ("/by-host/none", 404)):
        signed = signed_headers(plane, "GET", path)
        for origin, shown in (("https://a.example.com", "https://a.example.com"), ("https://b.org", None)):
            answered = send(plane, "GET", path, headers=signed | {"Origin": origin})
            assert answered.status == status
            assert answered.headers.get("access-control-allow-origin") == shown


def test_rules_that_aws_refuses_are_refused(s3: Any) -> None:
    for change, code in (
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["https://*.*.com"]}, "InvalidRequest"),
        ({"AllowedHeaders": ["*-*"]}, "InvalidRequest"),
        ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"),
    ):
        with pytest.raises(ClientError) as error:
            s3.put_bucket_cors(Bucket="other", CORSConfiguration={"CORSRules": [RULES[0] | change]})
        assert error.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket="other")
    s3.put_bucket_cors(Bucket="other", CORSConfiguration={"CORSRules": RULES})
    s3.delete_bucket_cors(Bucket="other")
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket="other")
