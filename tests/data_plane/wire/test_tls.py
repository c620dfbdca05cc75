"""The plane over TLS: its certificate, who may read its keys, and that unmodified clients trust it by one file."""

import datetime
import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import SSLError
from cryptography import x509

from twinplane.data_plane import tls
from twinplane.data_plane.testing import running_plane

ACCOUNT = "111122223333"


def test_boto3_speaks_https_by_the_configuration_of_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_plane(tmp_path, tls=True) as plane:
        assert plane.endpoint.startswith("https://127.0.0.1:")
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws" / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws" / "credentials"))
        identity = boto3.Session(profile_name="administrator").client("sts").get_caller_identity()
        assert identity["Account"] == plane.account_id
        s3 = plane.client("s3")
        s3.create_bucket(Bucket="over-tls")
        s3.put_object(Bucket="over-tls", Key="k", Body=b"chunks with a trailer")  # boto3's other form of upload
        assert s3.get_object(Bucket="over-tls", Key="k")["Body"].read() == b"chunks with a trailer"
        with pytest.raises(SSLError):
            plane.client("sts", verify=True).get_caller_identity()
        with pytest.raises((OSError, ConnectionError)):  # plain http is not spoken beside it
            _plain_get(plane.endpoint)


def _plain_get(endpoint: str) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(endpoint).port or 0), timeout=5) as connection:
        connection.sendall(b"GET /_health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if b"HTTP" not in connection.recv(100):
            raise ConnectionError("not http")


def test_the_condition_key_says_how_the_request_came(tmp_path: Path) -> None:
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    only_secure = {"Version": "2012-10-17", "Statement": [{**allowed, "Condition": condition}]}
    for secure in (True, False):
        with running_plane(tmp_path / str(secure), tls=secure) as plane:
            iam = plane.client("iam")
            iam.create_user(UserName="u")
            iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(only_secure))
            s3 = plane.client("s3", iam.create_access_key(UserName="u")["AccessKey"])
            if secure:
                s3.list_buckets()
            else:
                with pytest.raises(s3.exceptions.ClientError):
                    s3.list_buckets()


def test_the_certificate_is_kept_and_made_anew_before_it_ends(tmp_path: Path) -> None:
    start = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)

    def at(days: int) -> tuple[bytes, bytes]:
        files = tls.certificate(tmp_path, ACCOUNT, start + datetime.timedelta(days=days))
        return files.authority.read_bytes(), files.chain.read_bytes()

    first = at(0)
    assert at(300) == first
    renewed = at(380)
    assert (renewed[0] == first[0], renewed[1] == first[1]) == (True, False)
    much_later = at(3300)
    assert much_later[0] != first[0]
    (tmp_path / "tls" / "server-key.pem").unlink()
    assert at(3300)[1] != much_later[1]
    (tmp_path / "tls" / "server-key.pem").write_text("broken")
    assert at(3300)[0] == much_later[0]


def test_the_keys_are_their_owners_alone_and_the_authority_signs_names_of_this_machine_only(tmp_path: Path) -> None:
    files = tls.certificate(tmp_path, ACCOUNT)
    assert [path for path in (tmp_path / "tls").iterdir() if path.stat().st_mode & 0o077] == []
    authority = x509.load_pem_x509_certificate(files.authority.read_bytes())
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    names = [name.value for name in constraints.value.permitted_subtrees or ()]
    assert [str(name) for name in names] == ["localhost", "127.0.0.0/8"]


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "s3.localhost", "bucket.s3.localhost", f"{ACCOUNT}.s3-control.localhost"]
)
def test_the_names_it_is_reached_by_are_verified(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    files = tls.certificate(tmp_path_factory.getbasetemp() / "names", ACCOUNT)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.chain, files.key)
    client = ssl.create_default_context(cafile=str(files.authority))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_client: Any = client.wrap_bio(to_client, to_server, server_hostname=name)
    at_server: Any = server.wrap_bio(to_server, to_client, server_side=True)
    done = set()
    for _ in range(6):
        for side in (at_client, at_server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    assert done == {at_client, at_server}


def test_the_command_line_prints_what_to_trust(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "twinplane.cli", "plane", "--tls", "--port", "0", "--state", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        process.terminate()
    assert f"AWS_CA_BUNDLE={tmp_path / 'tls' / 'ca.pem'}" in said
    assert "AWS_ENDPOINT_URL=https://127.0.0.1:" in said
