"""Uploads from HTML forms: presigned by boto3, limited by their policy."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from twinplane.data_plane.testing import RunningPlane

BUCKET = "forms"


@pytest.fixture(scope="module")
def s3(plane: RunningPlane) -> Any:
    client = plane.client("s3", config=Config(signature_version="s3v4"))
    client.create_bucket(Bucket=BUCKET)
    return client


def send(form: dict[str, Any], body: bytes = b"content", change: dict[str, Any] | None = None, **file: str) -> Any:
    fields = {name: value for name, value in (form["fields"] | (change or {})).items() if value is not None}
    named = (file.get("name", "upload.txt"), body)
    return httpx.post(form["url"], data=fields, files={"file": named}, trust_env=False)


def code_of(answered: Any) -> tuple[int, str]:
    text = answered.text
    return answered.status_code, text[text.find("<Code>") + 6 : text.find("</Code>")]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("key", ["plain", "folder/ü b+c%2F&d", "ends/"])
def test_a_presigned_form_uploads_a_file(plane: RunningPlane, s3: Any, version: str, key: str) -> None:
    client = plane.client("s3", config=Config(signature_version=version))
    fields = {"Content-Type": "text/plain", "x-amz-meta-by": "hand"}
    conditions = [{"Content-Type": "text/plain"}, {"x-amz-meta-by": "hand"}]
    form = client.generate_presigned_post(BUCKET, key, Fields=dict(fields), Conditions=conditions)
    body = b"x" * 300_000
    answered = send(form, body)
    assert (answered.status_code, answered.content) == (204, b"")
    assert answered.headers["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    stored = s3.get_object(Bucket=BUCKET, Key=key)
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (body, "text/plain", {"by": "hand"})


def test_the_file_s_own_name_may_be_part_of_the_key(s3: Any) -> None:
    form = s3.generate_presigned_post(BUCKET, "in/${filename}")
    assert send(form, name="a b.txt").status_code == 204
    assert s3.get_object(Bucket=BUCKET, Key="in/a b.txt")["Body"].read() == b"content"
    empty = s3.generate_presigned_post(BUCKET, "empty")
    assert send(empty, b"").status_code == 204
    assert s3.head_object(Bucket=BUCKET, Key="empty")["ContentLength"] == 0


def test_the_sender_chooses_the_answer(s3: Any) -> None:
    for status in ("200", "201", "204", "418"):
        extra: dict[str, Any] = {"Fields": {"success_action_status": status}}
        extra["Conditions"] = [{"success_action_status": status}]
        answered = send(s3.generate_presigned_post(BUCKET, "k", **extra))
        assert answered.status_code == int(status if status != "418" else "204")
        assert ("<Key>k</Key>" in answered.text) == (status == "201")
    target = "http://127.0.0.1:1/done?a=1"
    redirect: dict[str, Any] = {"Fields": {"success_action_redirect": target}}
    redirect["Conditions"] = [["starts-with", "$success_action_redirect", "http://127.0.0.1:1/"]]
    answered = send(s3.generate_presigned_post(BUCKET, "k", **redirect))
    assert answered.status_code == 303
    asked = parse_qs(urlsplit(answered.headers["Location"]).query)
    assert (asked["a"], asked["bucket"], asked["key"], asked["etag"][0][0]) == (["1"], [BUCKET], ["k"], '"')


FORM_CHANGES: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("nothing", {}, (204, "")),
    ("another key", {"key": "elsewhere"}, (403, "AccessDenied")),
    ("a field that the policy does not name", {"x-amz-storage-class": "STANDARD_IA"}, (403, "AccessDenied")),
    ("an ignored field", {"x-ignore-this": "1"}, (204, "")),
    ("no policy", {"policy": None}, (400, "InvalidPolicyDocument")),
    ("another policy", {"policy": base64.b64encode(b'{"expiration":"2999-01-01T00:00:00Z","conditions":[]}').decode()},
     (403, "AccessDenied")),
    ("a broken policy", {"policy": "!"}, (400, "InvalidPolicyDocument")),
    ("another signature", {"x-amz-signature": "0" * 64}, (403, "SignatureDoesNotMatch")),
    ("no key", {"key": None}, (400, "InvalidArgument")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "answer"), FORM_CHANGES, ids=[case[0] for case in FORM_CHANGES])
def test_what_the_policy_does_not_allow_is_refused_and_not_kept(
    s3: Any, what: str, change: dict[str, Any], answer: tuple[int, str]
) -> None:
    form = s3.generate_presigned_post(BUCKET, "changed")
    answered = send(form, change=change)
    assert answered.status_code == answer[0], answered.text
    if answer[1]:
        assert code_of(answered) == answer
        with pytest.raises(ClientError):
            s3.head_object(Bucket=BUCKET, Key="changed")
    else:
        s3.delete_object(Bucket=BUCKET, Key="changed")


def test_a_policy_limits_length_beginning_and_time(s3: Any) -> None:
    limited = s3.generate_presigned_post(BUCKET, "limited", Conditions=[["content-length-range", 3, 5]])
    assert code_of(send(limited, b"12")) == (400, "EntityTooSmall")
    assert code_of(send(limited, b"123456")) == (400, "EntityTooLarge")
    with pytest.raises(ClientError):
        s3.head_object(Bucket=BUCKET, Key="limited")
    assert send(limited, b"12345").status_code == 204
    below = s3.generate_presigned_post(BUCKET, "user/1/${filename}", Conditions=[["starts-with", "$key", "user/1/"]])
    assert send(below, change={"key": "user/1/other"}).status_code == 204
    assert send(below, change={"key": "user/2/other"}).status_code == 403
    short = s3.generate_presigned_post(BUCKET, "short", ExpiresIn=1)
    time.sleep(2.1)
    assert code_of(send(short)) == (403, "AccessDenied")


def test_a_form_never_copies(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="secret", Body=b"secret")
    source = {"x-amz-copy-source": f"/{BUCKET}/secret"}
    form = s3.generate_presigned_post(BUCKET, "copy", Fields=dict(source), Conditions=[source])
    send(form)
    assert s3.get_object(Bucket=BUCKET, Key="copy")["Body"].read() == b"content"


def test_a_policy_of_another_bucket_does_not_open_this_one(s3: Any) -> None:
    s3.create_bucket(Bucket="forms-too")
    form = s3.generate_presigned_post(BUCKET, "k")
    assert code_of(send(form | {"url": form["url"].replace(BUCKET, "forms-too")})) == (403, "AccessDenied")


def test_the_signer_s_own_permission_decides(plane: RunningPlane, s3: Any) -> None:
    iam = plane.client("iam")
    iam.create_user(UserName="sender")
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/mine/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="sender", PolicyName="p", PolicyDocument=policy)
    client = plane.client("s3", iam.create_access_key(UserName="sender")["AccessKey"])
    assert send(client.generate_presigned_post(BUCKET, "mine/1")).status_code == 204
    assert code_of(send(client.generate_presigned_post(BUCKET, "other/1"))) == (403, "AccessDenied")


def test_a_form_without_a_policy_comes_from_nobody(plane: RunningPlane, s3: Any) -> None:
    form = {"url": f"{plane.endpoint}/{BUCKET}", "fields": {"key": "open/k"}}
    assert code_of(send(form)) == (403, "AccessDenied")
    off = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False)
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=off)
    public = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/open/*",
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [public]}))
    assert send(form).status_code == 204
    assert code_of(send(form, change={"key": "closed"})) == (403, "AccessDenied")
    s3.delete_bucket_policy(Bucket=BUCKET)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidArgument"),
        (b"--b\r\nno form", "MalformedPOSTRequest"),
        (b"not the boundary", "MalformedPOSTRequest"),
        (b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--b--\r\n', "InvalidArgument"),
        (b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n' + b"k" * 30_000, "MaxPostPreDataLengthExceeded"),
    ],
)
def test_what_is_not_a_form_is_refused(plane: RunningPlane, s3: Any, body: bytes, code: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answered = httpx.post(f"{plane.endpoint}/{BUCKET}", content=body, headers=headers, trust_env=False)
    assert code_of(answered) == (400, code)


def test_a_file_that_ends_early_is_not_kept(plane: RunningPlane, s3: Any) -> None:
    secret = plane.administrator()
    policy = {"expiration": (datetime.now(UTC) + timedelta(minutes=1)).isoformat(), "conditions": [{"key": "cut"}]}
    text = base64.b64encode(json.dumps(policy).encode())
    sign: Callable[[bytes], bytes] = lambda text: base64.b64encode(  # noqa: E731
        hmac.digest(secret["aws_secret_access_key"].encode(), text, "sha1")
    )
    fields = {"key": b"cut", "policy": text, "AWSAccessKeyId": secret["aws_access_key_id"].encode()}
    fields["signature"] = sign(text)
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    )
    body += b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nhalf of it'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answered = httpx.post(f"{plane.endpoint}/{BUCKET}", content=body, headers=headers, trust_env=False)
    assert code_of(answered) == (400, "MalformedPOSTRequest")
    with pytest.raises(ClientError):
        s3.head_object(Bucket=BUCKET, Key="cut")
