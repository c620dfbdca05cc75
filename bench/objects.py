"""S3's objects: CPU and time of small ones, throughput of large ones, next to moto_server and to what the machine can.

Requests are signed beforehand and sent over one kept-alive connection of a plain socket, so that the client's own work
is little. CPU is the server process's. The limits are measured in the same run: for what is read, a loop of sendfile
over loopback; for what is written, receiving, MD5, SHA-256 (if it is signed), writing with fsync, alone and at once.
"""

import base64
import hashlib
import os
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers
from twinplane.data_plane.wire import checksums

_SMALL = 4096
_LARGE = 64 << 20
_CHUNK = 1 << 20  # as boto3 sends them
_MB = 1e6
_SIGNED, _CHUNKED, _GET = "PUT, signed as over http", "PUT, in chunks with a CRC64NVME behind, as over https", "GET"
_AT_ONCE = "received, MD5, write and fsync, all at once"
_AT_ONCE_SIGNED = "received, MD5, SHA-256, write and fsync, all at once"
_SENDFILE = "sendfile over loopback"
_BOUNDS = {_SIGNED: _AT_ONCE_SIGNED, _CHUNKED: _AT_ONCE, _GET: _SENDFILE}


def run(folder: Path, rounds: int = 5, calls: int = 500) -> None:
    small: dict[str, dict[str, list[tuple[float, float]]]] = {}
    large: dict[str, dict[str, list[float]]] = {}
    body = os.urandom(_LARGE)
    limits: dict[str, list[float]] = {}
    with _Sender(body, folder / "limit") as sender, servers.twinplane(folder) as ours, servers.moto() as theirs:
        for server in (ours, theirs):
            _Client(server).call(_signed(server, "PUT", "/bench"))
        for number in range(rounds):
            for name, measure in _limits(folder, body, sender).items():
                limits.setdefault(name, []).append(measure())
            for server in (ours, theirs):
                for name, requests in _small_calls(server, number, calls).items():
                    small.setdefault(name, {}).setdefault(server.name, []).append(_measure(server, requests))
                for name, request in _large_calls(server, body).items():
                    large.setdefault(name, {}).setdefault(server.name, []).append(_throughput(server, request))
        memory = {server.name: server.resident_mb() for server in (ours, theirs)}
    _print_small(small)
    _print_large(large, {name: statistics.median(values) for name, values in limits.items()})
    print("\nmemory after the run: " + " · ".join(f"{name} {value:.0f} MB" for name, value in memory.items()))


def _print_small(figures: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    print("| call | twinplane CPU µs | moto_server CPU µs | ratio | twinplane ms | moto_server ms |")
    print("|---|---|---|---|---|---|")
    for name, by_server in figures.items():
        (our_cpu, our_time), (their_cpu, their_time) = (
            [statistics.median(figure[n] for figure in by_server[server]) for n in (0, 1)]
            for server in ("twinplane", "moto_server")
        )
        print(
            f"| {name} | {our_cpu * 1e6:.0f} | {their_cpu * 1e6:.0f} | {our_cpu / their_cpu:.2f} "
            f"| {our_time * 1e3:.2f} | {their_time * 1e3:.2f} |"
        )


def _print_large(figures: dict[str, dict[str, list[float]]], limits: dict[str, float]) -> None:
    print("\n| 64 MB | twinplane MB/s | moto_server MB/s | limit MB/s | of the limit |")
    print("|---|---|---|---|---|")
    for name, by_server in figures.items():
        ours, theirs = (statistics.median(by_server[server]) for server in ("twinplane", "moto_server"))
        limit = limits[_BOUNDS[name]]
        print(f"| {name} | {ours:.0f} | {theirs:.0f} | {limit:.0f} | {ours / limit:.2f} |")
    print("\nThe limits of this machine for the same 64 MB, in the same run, MB/s:\n")
    for name, value in limits.items():
        print(f"- {name}: {value:.0f}")


# Requests


def _signed(server: servers.Server, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request's bytes. A header `x-amz-content-sha256` says how the body is sent."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, server.endpoint + path, given, body)
    claimed = given.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
    signer = S3SigV4Auth(Credentials(server.access_key_id, server.secret), "s3", "us-east-1")
    signer.payload = lambda _request: claimed
    signer.add_auth(request)
    sent = {**dict(request.headers.items()), "Host": urlsplit(server.endpoint).netloc, "Content-Length": str(len(body))}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return head.encode() + b"\r\n" + body


def _small_calls(server: servers.Server, number: int, calls: int) -> dict[str, list[bytes]]:
    bodies = [os.urandom(_SMALL) for _ in range(calls)]
    return {
        "PUT 4 KB (durable in twinplane)": [
            _signed(server, "PUT", f"/bench/small/{number}/{n}", body) for n, body in enumerate(bodies)
        ],
        "GET 4 KB": [_signed(server, "GET", f"/bench/small/{number}/{n}") for n in range(calls)],
        "HEAD": [_signed(server, "HEAD", f"/bench/small/{number}/{n}") for n in range(calls)],
    }


def _large_calls(server: servers.Server, body: bytes) -> dict[str, bytes]:
    digest = base64.b64encode(checksums.digests(body, ["CRC64NVME"])["CRC64NVME"]).decode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (_CHUNK, body[start : start + _CHUNK]) for start in range(0, len(body), _CHUNK))
    chunked = chunks + f"0\r\nx-amz-checksum-crc64nvme:{digest}\r\n\r\n".encode()
    return {
        _SIGNED: _signed(server, "PUT", "/bench/large", body),
        _CHUNKED: _signed(
            server, "PUT", "/bench/large", chunked, x_amz_content_sha256="STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            x_amz_trailer="x-amz-checksum-crc64nvme", x_amz_decoded_content_length=str(len(body)),
            content_encoding="aws-chunked",
        ),
        _GET: _signed(server, "GET", "/bench/large"),
    }  # fmt: skip


class _Client:
    """One connection, opened again when the server closed it."""

    def __init__(self, server: servers.Server) -> None:
        self._at = urlsplit(server.endpoint)
        self._open: socket.socket | None = None
        self._buffer = memoryview(bytearray(_CHUNK))

    def call(self, request: bytes) -> None:
        """Sends a request and reads its answer to the end."""
        if self._open is None:
            self._open = socket.create_connection((str(self._at.hostname), self._at.port), timeout=120)
            self._open.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self._open.recv(65536)
            if not piece:
                raise RuntimeError("the server closed the connection")
            head += piece
        lines, _, rest = head.partition(b"\r\n\r\n")
        status, *headers = lines.decode("latin-1").lower().split("\r\n")
        if " 200 " not in f"{status} ":
            raise RuntimeError(f"answered {status}: {rest[:300]!r}")
        lengths = [line.partition(":")[2] for line in headers if line.startswith("content-length:")]
        left = int(lengths[0] if lengths and not request.startswith(b"HEAD") else 0) - len(rest)
        while left > 0:
            left -= self._open.recv_into(self._buffer, min(left, len(self._buffer)))
        if "connection: close" in headers:
            self.close()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _measure(server: servers.Server, requests: list[bytes]) -> tuple[float, float]:
    """CPU seconds and seconds per call."""
    client = _Client(server)
    cpu, began = server.cpu_seconds(), time.perf_counter()
    for request in requests:
        client.call(request)
    elapsed = time.perf_counter() - began
    client.close()
    return (server.cpu_seconds() - cpu) / len(requests), elapsed / len(requests)


def _throughput(server: servers.Server, request: bytes) -> float:
    """MB/s of one large body."""
    client = _Client(server)
    began = time.perf_counter()
    client.call(request)
    client.close()
    return _LARGE / _MB / (time.perf_counter() - began)


# What the machine can do


def _limits(folder: Path, body: bytes, sender: "_Sender") -> dict[str, Callable[[], float]]:
    def md5() -> None:
        hashlib.md5(body, usedforsecurity=False).digest()

    def sha256() -> None:
        hashlib.sha256(body).digest()

    def write() -> None:
        _write(folder / "limit", body)

    one_after_another = [sender.body, md5, sha256, write]
    return {
        "received over loopback": lambda: _rate(sender.body),
        "MD5": lambda: _rate(md5),
        "SHA-256": lambda: _rate(sha256),
        "write and fsync": lambda: _rate(write),
        "received, MD5, SHA-256, write and fsync, one after another": lambda: _rate(
            lambda: [work() for work in one_after_another]
        ),
        _AT_ONCE_SIGNED: lambda: _rate(lambda: _at_once(sender.body, md5, sha256, write)),
        _AT_ONCE: lambda: _rate(lambda: _at_once(sender.body, md5, write)),
        _SENDFILE: lambda: _rate(sender.file),
    }


def _at_once(*works: Callable[[], object]) -> None:
    """Each in a thread: what a server could do at best, were none of it to wait for another."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _rate(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return _LARGE / _MB / (time.perf_counter() - began)


def _write(path: Path, body: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        file.write(body)
        os.fsync(file.fileno())


class _Sender:
    """Another process that sends, with sendall or with sendfile, what is received here as requests and answers are."""

    def __init__(self, body: bytes, file: Path) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._child = os.fork()
        if self._child == 0:
            while True:
                accepted, _ = self._listener.accept()
                with accepted:
                    if accepted.recv(1) == b"b":
                        accepted.sendall(body)
                    else:
                        _send_file(accepted, file)

    def __enter__(self) -> "_Sender":
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self._listener.close()

    def body(self) -> None:
        self._receive(b"b")

    def file(self) -> None:
        self._receive(b"f")

    def _receive(self, what: bytes) -> None:
        with socket.create_connection(self._listener.getsockname()) as connection:
            connection.sendall(what)
            left, buffer = _LARGE, memoryview(bytearray(_CHUNK))
            while left:
                left -= connection.recv_into(buffer, min(left, _CHUNK))


def _send_file(to: socket.socket, path: Path) -> None:
    with path.open("rb") as file:
        sent = 0
        while sent < _LARGE:
            sent += os.sendfile(to.fileno(), file.fileno(), sent, _LARGE - sent)
