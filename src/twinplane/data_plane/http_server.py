"""HTTP/1.1 connections for many small requests: uvicorn's, with what costs most done otherwise.

A request is handed to the application when its body is complete (or too long to wait for), a response's head is
written together with its body, and one timer for each connection finds out that it idles, not one for each request.
"""

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_WAITED_FOR_BYTES = 64 * 1024  # of a body
_MOST_UNFINISHED_BYTES = 64 * 1024  # of a request's line and headers, or of trailers
_MOST_PIPELINED = 1000  # requests that came before the answer of another; whoever sends more is cut off
_JOINED_BYTES = 64 * 1024  # of a response's body: beyond, copying costs more than another write
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
_ASGI = {"version": "3.0", "spec_version": "2.3"}


class Connection(HttpToolsProtocol):
    """One client's connection."""

    _starts_later = False  # the request that is being read was not yet handed over
    _used_at = 0.0
    _idle_timer: asyncio.TimerHandle | None = None
    _unfinished = 0  # bytes received since a head or a piece of a body was complete

    def data_received(self, data: bytes) -> None:
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > _MOST_UNFINISHED_BYTES and not self.transport.is_closing():
            self.send_400_response("The request's headers are too long.")

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._used_at = self.loop.time()
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._close_when_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def _close_when_idle(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        left = self.timeout_keep_alive if answering else self._used_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._close_when_idle)
        elif not self.transport.is_closing():
            self.transport.close()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        self._unfinished = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        version = self.parser.get_http_version()
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        scope: Any = {
            "type": "http", "asgi": _ASGI, "http_version": version, "server": self.server, "client": self.client,
            "scheme": self.scheme, "root_path": "", "headers": self.headers, "state": {},
            "method": self.parser.get_method().decode("ascii"), "path": unquote(path) if "%" in path else path,
            "raw_path": url.path, "query_string": url.query or b"",
        }  # fmt: skip
        self.scope = scope
        before = self.cycle
        self.cycle = Exchange(
            self.scope, self.transport, self.flow, self.logger, self.access_logger, False,
            self.server_state.default_headers, asyncio.Event(), self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive(), self.on_response_complete,
        )  # fmt: skip
        if before is not None and not before.response_complete:
            if len(self.pipeline) >= _MOST_PIPELINED:
                raise ValueError("too many requests at once")  # which the parser makes an invalid request
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        elif self.expect_100_continue:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self._starts_later = True

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)
        if self._starts_later and len(self.cycle.body) > _WAITED_FOR_BYTES:
            self._start()

    def on_message_complete(self) -> None:
        self._unfinished = 0
        super().on_message_complete()
        if self._starts_later:
            self._start()

    def _start(self) -> None:
        self._starts_later = False
        self._start_asgi_task(self.cycle, self.app)

    def on_response_complete(self) -> None:
        self._used_at = self.loop.time()
        if self.pipeline and not self.transport.is_closing():
            self._start_asgi_task(*self.pipeline.pop())
        if not self.pipeline:  # else no more is read than is answered
            self.flow.resume_reading()


class Exchange(RequestResponseCycle):
    """A request and its response. The application names its headers' names and values without line breaks."""

    _head: bytes = b""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._begin(message["status"], message["headers"])
            return
        body, more, head = message.get("body", b""), message.get("more_body", False), self._head
        if not head or self.chunked_encoding or self.scope["method"] == "HEAD" or len(body) > _JOINED_BYTES:
            if head:
                self._head = b""
                self.transport.write(head)
            await super().send(message)
            return
        if self.flow.write_paused:  # who asks without end must read the answers
            await self.flow.drain()
        if self.disconnected:
            return
        self._head = b""
        self.expected_content_length -= len(body)
        self.transport.write(head + body)
        if not more:
            if self.expected_content_length:
                raise RuntimeError("the response's body has not the length that its head says")
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _begin(self, status: int, headers: Any) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        lines = [_STATUS_LINES[status]]
        for name, value in (*self.default_headers, *headers):
            lower = name.lower()
            if lower == b"content-length":
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif lower == b"connection" and value.lower() == b"close":
                self.keep_alive = False
                continue
            lines += (name, b": ", value, b"\r\n")
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)
