"""DuckDB's Iceberg client at Glue's Iceberg REST endpoint."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from twinplane.data_plane.testing import RunningPlane

pa = pytest.importorskip("pyarrow")
pytest.importorskip("pyiceberg.catalog.rest")
duckdb = pytest.importorskip("duckdb")
extension = pytest.importorskip("duckdb_extension_iceberg")

from .test_clients import SCHEMA, rest_catalog, rows  # noqa: E402


@pytest.fixture(scope="module")
def catalog(plane: RunningPlane) -> Any:
    plane.client("s3").create_bucket(Bucket="lake")
    found = rest_catalog(plane)
    found.create_namespace("bronze", {"location": "s3://lake/bronze"})
    return found


@pytest.fixture(scope="module")
def certificate(plane: RunningPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for AWS's host of this service, with its key; it vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    hosts = [x509.DNSName(f"{service}.{plane.region}.amazonaws.com") for service in ("glue",)]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = tmp_path_factory.mktemp("proxy") / "certificate.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())  # fmt: skip
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture(scope="module")
def proxy(plane: RunningPlane, certificate: Path) -> Iterator[str]:
    """A proxy that takes every host to the plane: DuckDB signs for AWS's own host name, over https, and no other."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    host, _, port = plane.endpoint.partition("://")[2].partition(":")
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            onward = socket.create_connection((host, int(port)))
            if not head.startswith(b"CONNECT "):  # S3, over http
                onward.sendall(head)
                for pair in ((client, onward), (onward, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()
                continue
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                inside = context.wrap_socket(client, server_side=True)
            except OSError:
                continue
            for pair in ((inside, onward), (onward, inside)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


@pytest.fixture(scope="module")
def duck(plane: RunningPlane, catalog: Any, proxy: str, certificate: Path) -> Any:
    site = Path(next(iter(extension.__path__))).parent
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in ("httpfs", "avro", "iceberg"):
        (file,) = site.glob(f"duckdb_extension_{name}/extensions/*/{name}.duckdb_extension")
        connection.execute(f"LOAD '{file}'")
    given = plane.administrator()
    connection.execute(
        f"CREATE SECRET lake (TYPE s3, KEY_ID '{given['aws_access_key_id']}', SECRET "
        f"'{given['aws_secret_access_key']}', REGION '{plane.region}', URL_STYLE 'path', "
        f"ENDPOINT '{plane.endpoint.partition('://')[2]}', USE_SSL false)"
    )
    connection.execute(f"SET GLOBAL ca_cert_file = '{certificate}'")
    connection.execute(f"SET http_proxy = '{proxy}'")
    connection.execute(
        f"ATTACH '{plane.account_id}' AS lake (TYPE iceberg, ENDPOINT 'glue.{plane.region}.amazonaws.com/iceberg'"
        ", AUTHORIZATION_TYPE 'sigv4', SECRET lake, SUPPORT_STAGE_CREATE false, ACCESS_DELEGATION_MODE 'none')"
    )
    return connection


def athena(plane: RunningPlane, text: str) -> list[str]:
    """The only column of a query's rows."""
    client = plane.client("athena")
    found = client.start_query_execution(
        QueryString=text, ResultConfiguration={"OutputLocation": "s3://lake/results/"}
    )["QueryExecutionId"]  # fmt: skip
    while True:
        status = client.get_query_execution(QueryExecutionId=found)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    assert status["State"] == "SUCCEEDED", status
    rows = client.get_query_results(QueryExecutionId=found)["ResultSet"]["Rows"]
    return [row["Data"][0]["VarCharValue"] for row in rows[1:]]


def test_duckdb_reads_writes_and_deletes_rows_of_the_same_tables(plane: RunningPlane, catalog: Any, duck: Any) -> None:
    made = catalog.create_table("bronze.ducks", SCHEMA, location="s3://lake/bronze/ducks")
    made.append(rows(1, 2, 3))
    assert duck.execute("SELECT id, name FROM lake.bronze.ducks ORDER BY id").fetchall() == [
        (1, "n1"), (2, "n2"), (3, "n3"),
    ]  # fmt: skip
    duck.execute("INSERT INTO lake.bronze.ducks VALUES (4, 'duck')")
    found = catalog.load_table("bronze.ducks").scan().to_arrow()
    assert sorted(found["name"].to_pylist()) == ["duck", "n1", "n2", "n3"]
    duck.execute("DELETE FROM lake.bronze.ducks WHERE id = 2")
    assert duck.execute("SELECT id FROM lake.bronze.ducks ORDER BY id").fetchall() == [(1,), (3,), (4,)]
    assert athena(plane, "SELECT id FROM bronze.ducks ORDER BY id") == ["1", "3", "4"]
