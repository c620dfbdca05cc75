"""Connections: pipelined, in pieces, large, slow, idle, closed, not HTTP at all; each over a real socket."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop

from twinplane.data_plane import tls
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.http_server import Patience, Server
from twinplane.data_plane.wire.body import FileRange
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse
from twinplane.data_plane.wire.incoming import ClientGone, Incoming, collect

LARGE = 24 << 20
PATIENCE = Patience(idle=0.5, head=0.5, body=0.5, body_bytes=50, answer=0.5, last=0.3, stop=1.0)


class Application:
    """Answers with the method, the path and the length of the body, or as its path says."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "large"
        self.file.write_bytes(bytes(range(256)) * (LARGE // 256))
        self.seen: list[str] = []
        self.short_ones = 0
        self.incoming: Incoming | None = None
        self.go_on = threading.Event()

    async def __call__(self, http: HttpRequest, incoming: Incoming) -> HttpResponse:
        self.incoming = incoming
        name = http.raw_path.rpartition("/")[2]
        special: Callable[..., Any] | None = getattr(self, name.replace("-", "_"), None) if name else None
        if special is not None:
            answer: HttpResponse = await special(http, incoming)
            return answer
        size = 0
        try:
            async for piece in incoming.pieces():
                size += len(piece)
        except ServiceError as error:
            return HttpResponse(error.status or 500, {}, error.code.encode())
        return HttpResponse(200, {}, f"{http.method} {http.raw_path} {size}".encode())

    async def raises(self, *_: Any) -> HttpResponse:
        raise ValueError("secret")

    async def refuses(self, *_: Any) -> HttpResponse:
        return HttpResponse(403, {}, b"no")

    async def headers(self, http: HttpRequest, incoming: Incoming) -> HttpResponse:
        await incoming.all()
        return HttpResponse(200, {"X-Odd": "a\r\nInjected: b", "X-Text": "\u20ac"}, repr(sorted(http.headers)).encode())

    async def whole(self, http: HttpRequest, _: Incoming) -> HttpResponse:
        first, _, last = http.query_string.partition("-")
        offset = int(first or 0)
        return HttpResponse(200, {}, FileRange(self.file, offset, int(last or LARGE) - offset))

    async def too_short(self, *_: Any) -> HttpResponse:
        return HttpResponse(200, {}, FileRange(self.file, 0, LARGE + 10))

    async def memory(self, *_: Any) -> HttpResponse:
        return HttpResponse(200, {}, b"x" * LARGE)

    async def short(self, *_: Any) -> HttpResponse:
        self.short_ones += 1
        return HttpResponse(200, {}, b"x" * 20_000)

    async def waits(self, *_: Any) -> HttpResponse:
        self.seen.append("waits")
        while not self.go_on.is_set():
            await asyncio.sleep(0.01)
        return HttpResponse(200, {}, b"waited")

    async def until_gone(self, http: HttpRequest, incoming: Incoming) -> HttpResponse:
        self.seen.append("waits")
        await incoming.gone()
        self.seen.append("gone")
        if http.query_string == "raises":
            raise ClientGone
        return HttpResponse(200)


@dataclass
class Served:
    port: int
    application: Application
    encryption: ssl.SSLContext | None
    stop: Callable[[], None]
    thread: threading.Thread
    server: Server

    def connect(self) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain if self.encryption is None else self.encryption.wrap_socket(plain, server_hostname="localhost")

    def exchange(self, *pieces: bytes) -> bytes:
        """Sends the pieces one after another and returns what comes back until the server closes the connection."""
        with self.connect() as client:
            for piece in pieces:
                client.sendall(piece)
                time.sleep(0.005)  # so that it arrives on its own
            return rest(client)

    def saw(self, what: str) -> bool:
        return eventually(lambda: what in self.application.seen)


def rest(client: socket.socket) -> bytes:
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(1 << 20):
            received += data
    return bytes(received)


def eventually(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def serving(folder: Path, *, encrypted: bool = False) -> Iterator[Served]:
    application = Application(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    certificate = tls.certificate(folder, "111122223333") if encrypted else None
    started: list[Any] = []
    ready = threading.Event()

    async def serve() -> None:
        server = Server(application, PATIENCE)
        started.extend((server, asyncio.get_running_loop()))
        await server.serve(listener, None if certificate is None else tls.context(certificate), ready.set)

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    server, loop = started
    client = None if certificate is None else ssl.create_default_context(cafile=str(certificate.authority))
    stop = lambda: loop.is_closed() or loop.call_soon_threadsafe(server.stop)  # noqa: E731
    try:
        yield Served(int(listener.getsockname()[1]), application, client, stop, thread, server)
    finally:
        application.go_on.set()
        stop()
        thread.join()


@pytest.fixture(scope="module", params=["plain", "tls"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), encrypted=request.param == "tls") as running:
        yield running


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as running:
        yield running


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", "Host: here", *headers, "", "")).encode()


def bodies(answer: bytes) -> list[bytes]:
    return [part.split(b"\r\n\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]


CLOSE = "Connection: close"


# Requests as they should be


def test_pipelined_requests_are_answered_in_their_order(served: Served) -> None:
    first = head("POST /first", "Content-Length: 3") + b"abc"
    answer = served.exchange(first + first + head("GET /last", CLOSE))
    assert bodies(answer) == [b"POST /first 3", b"POST /first 3", b"GET /last 0"]


def test_a_request_may_come_byte_by_byte(served: Served) -> None:
    request = head("POST /a%20b", "Content-Length: 5", CLOSE) + b"hello"
    assert bodies(served.exchange(*(bytes([byte]) for byte in request))) == [b"POST /a%20b 5"]


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_a_large_body_arrives_whole_and_the_next_request_behind_it(served: Served, size: int) -> None:
    large = head("PUT /large", f"Content-Length: {size}")
    answer = served.exchange(large, b"x" * size + large + b"x" * size + head("GET /last", CLOSE))
    assert bodies(answer) == [b"PUT /large %d" % size, b"PUT /large %d" % size, b"GET /last 0"]


def test_the_bytes_of_a_large_body_are_those_that_were_sent(plain: Served) -> None:
    body = os.urandom(9_000_000)
    received: list[bytes] = []

    async def keep(http: HttpRequest, incoming: Incoming) -> HttpResponse:
        kept = []
        async for piece in incoming.pieces():
            kept.append(piece if http.query_string else bytes(piece))
        received.append(b"".join(kept))
        return HttpResponse(200)

    plain.application.keep = keep  # type: ignore[attr-defined]
    for path in ("/keep", "/keep?every-piece"):
        plain.exchange(head(f"PUT {path}", f"Content-Length: {len(body)}", CLOSE) + body)
    assert received == [body, body]


def test_a_body_without_a_length_arrives_whole(served: Served) -> None:
    chunked = head("PUT /chunked", "Transfer-Encoding: chunked", CLOSE)
    assert bodies(served.exchange(chunked, b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\n\r\n")) == [b"PUT /chunked 5"]


def test_trailers_are_no_headers(served: Served) -> None:
    chunked = head("PUT /headers", "Transfer-Encoding: chunked", CLOSE)
    answer = served.exchange(chunked, b"3\r\nabc\r\n0\r\nAuthorization: mine\r\n\r\n")
    assert bodies(answer) == [b"['connection', 'host', 'transfer-encoding']"]


def test_who_waits_to_be_asked_is_asked_once(served: Served) -> None:
    asking = head("PUT /asked", "Content-Length: 200000", "Expect: 100-continue", CLOSE)
    with served.connect() as client:
        client.sendall(asking)
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"x" * 200000)
        answer = rest(client)
    assert (answer.startswith(b"HTTP/1.1 200 OK"), bodies(answer)) == (True, [b"PUT /asked 200000"])
    assert b"100 Continue" not in served.exchange(asking + b"x" * 200000)


def test_who_waits_to_be_asked_is_refused_without_sending(served: Served) -> None:
    answer = served.exchange(head("PUT /refuses", "Content-Length: 9999999", "Expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Connection: close\r\n" in answer


def test_what_an_application_leaves_unread_is_read_or_the_connection_is_closed(served: Served) -> None:
    refused = head("PUT /refuses", "Content-Length: 300000") + b"x" * 300000
    answer = served.exchange(refused + head("GET /next", CLOSE))
    assert (answer.count(b"HTTP/1.1 403 "), bodies(answer)) == (1, [b"GET /next 0"])
    with served.connect() as client:
        client.sendall(head("PUT /refuses", "Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(40):
                client.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        if served.encryption is None:  # which takes the answer with it when it breaks off
            assert rest(client).startswith(b"HTTP/1.1 403 ")


def test_a_head_request_gets_the_head_alone(served: Served) -> None:
    answer = served.exchange(head("HEAD /head", CLOSE))
    assert (bodies(answer), b"Content-Length: 12\r\n" in answer) == ([b""], True)


def test_a_client_of_http_1_0_is_answered_and_closed(served: Served) -> None:
    assert bodies(served.exchange(b"GET /old HTTP/1.0\r\n\r\nGET /more HTTP/1.0\r\n\r\n")) == [b"GET /old 0"]


def test_an_address_in_the_first_line_is_understood(served: Served) -> None:
    assert bodies(served.exchange(head("GET http://there/path?query", CLOSE))) == [b"GET /path 0"]


def test_another_protocol_is_not_changed_to(served: Served) -> None:
    answer = served.exchange(head("GET /up", "Connection: Upgrade", "Upgrade: h2c") + head("GET /second"))
    assert bodies(answer) == [b"GET /up 0"]


def test_an_answers_headers_cannot_bring_others(served: Served) -> None:
    lines = served.exchange(head("GET /headers", CLOSE)).partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert b"X-Odd: aInjected: b" in lines
    assert "X-Text: \u20ac".encode() in lines
    assert [line.partition(b":")[0] for line in lines[1:2]] == [b"Date"]


def test_a_failure_of_the_application_is_told_and_its_words_are_not(served: Served) -> None:
    answer = served.exchange(head("GET /raises"))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in answer


# Requests that are not


CHUNKED = head("POST /", "Transfer-Encoding: chunked")


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"hello\r\n\r\n"),
        (400, head("POST /", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
        (400, head("POST /", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n"),
        (400, head("POST /", "Content-Length: 3", "Content-Length: 3") + b"abc"),
        (400, head("POST /", "Content-Length: 3", "Content-Length: 5") + b"abc"),
        (400, head("POST /", "Content-Length: 3, 3") + b"abc"),
        (400, head("POST /", "Content-Length: +3") + b"abc"),
        (400, head("POST /", "Content-Length: -3") + b"abc"),
        (400, head("POST /", "Content-Length: 0x3") + b"abc"),
        (400, head("POST /", "Content-Length : 3") + b"abc"),
        (400, head("POST /", "Content-Length: 99999999999999999999") + b"abc"),
        (400, head("POST /", "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n"),
        (400, head("POST /", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
        (501, head("POST /", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
        (501, head("POST /", "Transfer-Encoding: identity") + b"abc"),
        (501, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, CHUNKED + b"3\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"3\r\nabc\n0\r\n\r\n"),
        (400, CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n"),
        (400, CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"10000000000000003\r\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n"),
        (400, CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: here\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: here\nX: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: here\rX: y\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: here\r\nX: y\r\n z\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: he\x00re\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, head("GET /", "Host: there")),
        (400, head("GET /a b")),
        (400, head("FOO /")),
        (400, head("CONNECT there:80")),
        (505, b"GET /\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: here\r\n\r\n"),
        (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_a_request(
    plain_of_module: Served, status: int, request_bytes: bytes
) -> None:
    answer = plain_of_module.exchange(head("GET /before") + request_bytes + head("GET /smuggled"))
    before, _, refusal = answer.partition(b"GET /before 0")
    assert before.startswith(b"HTTP/1.1 200 ")
    assert refusal.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in refusal
    assert answer.count(b"Date: ") == 2


@pytest.fixture(scope="module")
def plain_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("plain")) as running:
        yield running


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nX: ", CHUNKED + b"1\r\na\r\n0\r\nX: ", CHUNKED + b"1;x=", b"GET /" + b"a" * 100]
)
def test_headers_and_trailers_without_end_are_refused(served: Served, begun: bytes) -> None:
    with served.connect() as client:
        client.sendall(begun)
        sent = 0
        with contextlib.suppress(OSError):  # it is told, and cut off soon
            while sent < 2000:
                client.sendall(b"a" * 10_000)
                time.sleep(0.001)
                sent += 1
        assert sent < 2000
    answer = served.exchange(begun + b"a" * 200_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_some_hundred_requests_may_come_at_once(served: Served) -> None:
    answers = served.exchange(head("GET /a") * 900 + head("GET /b", CLOSE))
    assert (answers.count(b"GET /a 0"), answers.count(b"GET /b 0")) == (900, 1)


def test_who_sends_thousands_without_waiting_for_an_answer_is_cut_off(served: Served) -> None:
    with served.connect() as client:
        client.sendall(head("GET /waits"))
        served.saw("waits")
        threading.Timer(0.2, served.application.go_on.set).start()
        with contextlib.suppress(OSError):
            client.sendall(b"GET /a HTTP/1.1\r\nHost:a\r\n\r\n" * 50_000)
            answers = rest(client)
            assert answers.count(b"GET /a 0") <= 50_000
            assert b"Too many requests" in answers or served.encryption is not None
    served.application.go_on.clear()


# Files


@pytest.mark.parametrize(("first", "last"), [(0, LARGE), (1, LARGE), (LARGE - 1, LARGE), (12345, 5_000_000)])
def test_a_file_is_sent_as_it_is_and_the_next_answer_behind_it(served: Served, first: int, last: int) -> None:
    answer = served.exchange(head(f"GET /whole?{first}-{last}") + head("GET /next", CLOSE))
    lines, _, behind = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {last - first}".encode() in lines.split(b"\r\n")
    assert behind[: last - first] == served.application.file.read_bytes()[first:last]
    assert bodies(behind[last - first :]) == [b"GET /next 0"]


def test_a_file_that_goes_while_it_is_sent_is_sent_whole(plain: Served) -> None:
    expected = plain.application.file.read_bytes()
    with plain.connect() as client:
        client.sendall(head("GET /whole", CLOSE))
        begun = client.recv(1000)
        plain.application.file.unlink()
        assert (begun + rest(client)).partition(b"\r\n\r\n")[2] == expected


def test_a_file_shorter_than_it_should_be_breaks_the_answer_off(served: Served) -> None:
    body = served.exchange(head("GET /too-short")).partition(b"\r\n\r\n")[2]
    assert len(body) <= LARGE
    assert bodies(served.exchange(head("GET /next", CLOSE))) == [b"GET /next 0"]


def test_who_leaves_in_the_middle_of_a_file_leaves_nothing_open(plain: Served) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with plain.connect() as client:
            client.sendall(head("GET /whole") * 2)
            client.recv(1000)
    assert eventually(lambda: not plain.server.connections and not plain.server.tasks)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("path", ["/whole", "/memory"])
def test_who_reads_slowly_gets_it_all_and_keeps_nobody_waiting(served: Served, path: str) -> None:
    with served.connect() as client:
        client.sendall(head(f"GET {path}", CLOSE))
        size = 0
        for _ in range(6):  # longer than an answer may wait
            time.sleep(0.2)
            taken = size + (3 << 20)  # more than the kernel keeps for it in that time
            while size < taken:
                size += len(client.recv(1 << 20))
            assert bodies(served.exchange(head("GET /other", CLOSE))) == [b"GET /other 0"]
        assert size + len(rest(client)) > LARGE


@pytest.mark.parametrize("path", ["/whole", "/memory"])
def test_who_does_not_take_an_answer_is_cut_off(served: Served, path: str) -> None:
    with served.connect() as client:
        client.sendall(head(f"GET {path}") * 2)  # over TLS, the whole of one is taken before it is sent
        assert eventually(lambda: len(served.server.tasks) == 1)
        assert eventually(lambda: not served.server.tasks)
        with contextlib.suppress(OSError):
            assert len(rest(client)) < 2 * LARGE


def test_who_leaves_the_last_bytes_of_an_answer_is_cut_off_too(plain: Served) -> None:
    with plain.connect() as client:
        assert eventually(lambda: len(plain.server.connections) == 1)
        (connection,) = plain.server.connections
        unsent: Callable[[], int] = lambda: connection.transport.get_write_buffer_size()  # noqa: E731
        for _ in range(5000):
            answered = plain.application.short_ones
            client.sendall(head("GET /short"))
            assert eventually(lambda before=answered: plain.application.short_ones > before)
            if unsent():
                break
        assert 0 < unsent() < 64 << 10
        assert eventually(lambda: not plain.server.connections)


# Time and order


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(served: Served) -> None:
    request = head("GET /busy")
    with served.connect() as client:
        for _ in range(5):  # longer than the connection may idle
            client.sendall(request)
            assert client.recv(65536).endswith(b"GET /busy 0")
            time.sleep(0.2)
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\n", head("POST /", "Content-Length: 500"), head("POST /", "Content-Length: 999999")]
)
def test_headers_and_bodies_that_come_too_slowly_are_refused(served: Served, begun: bytes) -> None:
    with served.connect() as client:
        client.sendall(begun)
        client.settimeout(0.1)
        answer = b""
        for _ in range(80):
            with contextlib.suppress(TimeoutError):
                answer = client.recv(1000)
                break
            with contextlib.suppress(OSError):
                client.sendall(b"a")  # ten bytes a second
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))
        assert answer.startswith(b"HTTP/1.1 408 ") or answer.endswith(b"RequestTimeout")


def test_a_body_that_comes_slowly_and_steadily_is_waited_for(served: Served) -> None:
    with served.connect() as client:
        client.sendall(head("POST /steady", "Content-Length: 70000", CLOSE))
        for _ in range(20):
            client.sendall(b"x" * 3500)
            time.sleep(0.05)
        assert bodies(rest(client)) == [b"POST /steady 70000"]


def test_who_waits_long_for_an_answer_is_not_cut_off(served: Served) -> None:
    with served.connect() as client:
        client.sendall(head("GET /waits"))
        time.sleep(1)
        served.application.go_on.set()
        assert client.recv(65536).endswith(b"waited")
    served.application.go_on.clear()


def test_an_application_that_does_not_read_stops_who_sends(plain: Served) -> None:
    with plain.connect() as client:
        client.sendall(head("PUT /waits", "Content-Length: 100000000"))
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.sendall(b"x" * 100_000_000)
        assert plain.application.incoming is not None
        assert plain.application.incoming.held < 4 << 20


def test_what_a_body_in_tiny_pieces_takes_of_memory_is_counted() -> None:
    incoming = Incoming()
    with traced() as taken:
        for number in range(50_000):
            incoming.add(number.to_bytes(2))
        assert incoming.held > taken() > 0

    async def tiny() -> AsyncIterator[bytes]:
        for number in range(50_000):
            yield number.to_bytes(2)

    with traced():
        assert len(asyncio.run(collect(tiny()))) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000


@contextlib.contextmanager
def traced() -> Iterator[Callable[[], int]]:
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", ["/until-gone", "/until-gone?raises"])
def test_an_application_learns_that_its_client_left(served: Served, path: str) -> None:
    served.application.seen.clear()
    with served.connect() as client:
        client.sendall(head(f"GET {path}"))
        assert served.saw("waits")
    assert served.saw("gone")
    assert eventually(lambda: not served.server.tasks)
    assert served.application.seen == ["waits", "gone"]


# Stopping


def test_when_stopped_it_finishes_what_runs_and_closes_what_idles(tmp_path: Path) -> None:
    with serving(tmp_path) as served, served.connect() as busy, served.connect() as idle:
        busy.sendall(head("GET /waits"))
        assert served.saw("waits")
        served.stop()
        assert idle.recv(1) == b""
        with pytest.raises(OSError):
            served.connect().close()
        served.application.go_on.set()
        answer = rest(busy)
        assert (b"Connection: close\r\n" in answer, answer.endswith(b"waited")) == (True, True)


def test_when_stopped_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    with serving(tmp_path) as served, served.connect() as client, served.connect() as reader:
        client.sendall(head("GET /waits"))
        reader.sendall(head("GET /whole"))
        assert served.saw("waits")
        served.stop()
        served.thread.join(10)
        assert not served.thread.is_alive()
        assert rest(client) == b""
