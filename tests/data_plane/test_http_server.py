"""Connections: pipelined, in pieces, large, idle, closed; each over a real socket."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from twinplane.data_plane.http_server import Connection


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the method, the path and the length of the body; `/pieces` in three pieces, `/raises` not at all."""
    size, more = 0, True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        size += len(message.get("body", b""))
    if scope["path"] == "/raises":
        raise ValueError
    text = f"{scope['method']} {scope['path']} {size}".encode()
    headers = [] if scope["path"] == "/unknown-length" else [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/pieces":
        for byte in text:
            await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
        text = b""
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, http=Connection, lifespan="off", log_level="critical", timeout_keep_alive=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield int(listener.getsockname()[1])
    server.should_exit = True
    thread.join()


def exchange(port: int, *pieces: bytes) -> bytes:
    """Sends the pieces one after another and returns what comes back until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.01)  # so that it arrives on its own
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(65536):
                received += data
        return received


def bodies(answer: bytes) -> list[bytes]:
    return [part.split(b"\r\n\r\n", 1)[1] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]


CLOSE = b"Connection: close\r\n"


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    first = b"POST /first HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    last = b"GET /last HTTP/1.1\r\n" + CLOSE + b"\r\n"
    assert bodies(exchange(port, first + first + last)) == [b"POST /first 3", b"POST /first 3", b"GET /last 0"]


def test_a_request_may_come_byte_by_byte(port: int) -> None:
    request = b"POST /a%20b HTTP/1.1\r\nContent-Length: 5\r\n" + CLOSE + b"\r\nhello"
    assert bodies(exchange(port, *(bytes([byte]) for byte in request))) == [b"POST /a b 5"]


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 3_000_000])
def test_a_large_body_arrives_whole(port: int, size: int) -> None:
    head = b"PUT /large HTTP/1.1\r\nContent-Length: %d\r\n%b\r\n" % (size, CLOSE)
    assert bodies(exchange(port, head, b"x" * size)) == [b"PUT /large %d" % size]


def test_a_body_without_a_length_arrives_whole(port: int) -> None:
    head = b"PUT /chunked HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + CLOSE + b"\r\n"
    assert bodies(exchange(port, head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")) == [b"PUT /chunked 5"]


def test_who_waits_to_be_asked_is_asked(port: int) -> None:
    head = b"PUT /asked HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n" + CLOSE + b"\r\n"
    answer = exchange(port, head, b"ok")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert bodies(answer) == [b"PUT /asked 2"]


def test_a_head_request_gets_the_head_alone(port: int) -> None:
    answer = exchange(port, b"HEAD /head HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert (bodies(answer), b"content-length: 12\r\n" in answer) == ([b""], True)


def test_an_answer_may_come_in_pieces_or_without_a_length(port: int) -> None:
    assert bodies(exchange(port, b"GET /pieces HTTP/1.1\r\n" + CLOSE + b"\r\n")) == [b"GET /pieces 0"]
    answer = exchange(port, b"GET /unknown-length HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert bodies(answer) == [b"15\r\nGET /unknown-length 0\r\n0\r\n\r\n"]


def test_a_failure_of_the_application_and_what_is_not_http_are_told(port: int) -> None:
    assert exchange(port, b"GET /raises HTTP/1.1\r\n" + CLOSE + b"\r\n").startswith(b"HTTP/1.1 500 ")
    assert exchange(port, b"hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(port: int) -> None:
    request = b"GET /busy HTTP/1.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for _ in range(6):  # longer than the connection may idle
            client.sendall(request)
            assert client.recv(65536).endswith(b"GET /busy 0")
            time.sleep(0.3)
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    "begun", [b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "]
)
def test_headers_and_trailers_without_end_are_refused(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(begun)
        with pytest.raises(ConnectionError):
            client.sendall(b"a" * 50_000_000)


def test_some_hundred_requests_may_come_at_once(port: int) -> None:
    answers = exchange(port, b"GET /a HTTP/1.1\r\n\r\n" * 900 + b"GET /b HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert (answers.count(b"GET /a 0"), answers.count(b"GET /b 0")) == (900, 1)


def test_who_sends_thousands_without_waiting_for_an_answer_is_cut_off(port: int) -> None:
    assert exchange(port, b"GET /a HTTP/1.1\r\n\r\n" * 5000).endswith(b"Invalid HTTP request received.")
