"""A client's connection: HTTP/1.1 on httptools' parser.

What a request costs before and after its work is most of what a small call costs, so a request is an `HttpRequest` as
soon as it is parsed, and an answer one write. A long body is received where it stays, past the parser.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httptools
import structlog

from twinplane.data_plane import file_sending
from twinplane.data_plane.call import ServiceError
from twinplane.data_plane.long_body import LongBody
from twinplane.data_plane.wire.http import HttpRequest, HttpResponse, head_of
from twinplane.data_plane.wire.incoming import ClientGone, Incoming

if TYPE_CHECKING:
    from twinplane.data_plane.http_server import Server

log = structlog.get_logger()

_LONG_BYTES = 64 << 10  # a longer body is handed over before it has come
_MOST_HELD_BYTES = 2 << 20  # of a body that nobody reads
_MOST_UNFINISHED_BYTES = 64 << 10  # of a request's line and headers, or of trailers
_MOST_PIPELINED = 1000  # requests that came before the answer of another; whoever sends more is cut off
_JOINED_BYTES = 64 << 10  # of an answer's body: beyond, copying costs more than another buffer
_TOO_SLOW = ServiceError(
    "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period.",
    400,
)  # fmt: skip


@lru_cache(512)
def _name(raw: bytes) -> str:
    return raw.lower().decode("ascii")


class _Refused(Exception):
    """A request that is understood and not taken."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(slots=True)
class _Request:
    http: HttpRequest
    incoming: Incoming
    keep_alive: bool


class Connection(asyncio.BufferedProtocol):
    """One client's connection: requests are answered one after another, in the order they came."""

    transport: Any

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._loop = server.loop
        self._new_parser()
        self._client = ""
        self._encrypted = False
        self._url = b""
        self._headers: dict[str, str] = {}
        self._arriving: _Request | None = None  # its body is not yet complete
        self._starts = False  # it is handed over when it is
        self._long = LongBody()
        self._unfinished = 0  # bytes received since a head or a piece of a body was complete
        self._answering: _Request | None = None
        self._waiting: deque[_Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._deaf = False  # what comes is thrown away: the connection is about to be closed
        self._refusal: _Refused | None = None  # to be sent behind the answers that are due
        self.lost = False
        self._paused = False  # reading
        self._full = False  # the client takes less than is written
        self._waker: asyncio.Future[None] | None = None
        # For how long: what began when, as of the loop's clock
        self._used_at = self._loop.time()
        self._head_at: float | None = None
        self._checked_at = 0.0
        self._waited, self._came = 0.0, 0  # for the body that is arriving: seconds, bytes
        self._unsent_at = 0.0
        self._still_unsent: int | None = None
        self.moved = 0  # bytes of files that were sent

    def _new_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is ignored, the answer goes out

    # From the transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._server.connections.add(self)
        self._encrypted = transport.get_extra_info("ssl_object") is not None
        peer = transport.get_extra_info("peername")
        self._client = peer[0] if isinstance(peer, tuple) else ""

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True
        self._server.connections.discard(self)
        gone = ClientGone()
        for request in (self._answering, self._arriving, *self._waiting):
            if request is not None:
                request.incoming.fail(gone)
        self._waiting.clear()
        self.wake()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._long.buffer() if self._long.left else self._server.scratch

    def buffer_updated(self, nbytes: int) -> None:
        if self._deaf:
            return
        if self._long.left:
            self._take_long(nbytes)
            return
        self._unfinished += nbytes
        try:
            self._parser.feed_data(self._server.scratch[:nbytes])
        except httptools.HttpParserUpgrade:  # nothing else is spoken here: the request is answered, then no other
            last = self._waiting[-1] if self._waiting else self._answering
            self._turn_deaf()
            if last is None:
                self._close()
            else:
                last.keep_alive = False
            return
        except httptools.HttpParserError as error:
            refused = error.__context__
            self._refuse(refused if isinstance(refused, _Refused) else _Refused(400, "Invalid HTTP request received."))
            return
        if self._unfinished > _MOST_UNFINISHED_BYTES:
            self._refuse(_Refused(431, "The request's headers are too long."))
            return
        arriving = self._arriving
        if arriving is not None and arriving.incoming.length is not None and not self._starts:
            self._long.left = arriving.incoming.length - self._came
        self._regulate()

    def _take_long(self, nbytes: int) -> None:
        assert self._arriving is not None
        self._came += nbytes
        piece = self._long.took(nbytes)
        if piece is not None:
            self._arriving.incoming.add(piece)
            if not self._long.left:
                self._new_parser()  # the other one still waits for this body
                self.on_message_complete()
            self._regulate()

    def eof_received(self) -> bool:
        return False  # whoever closes its side has gone

    def pause_writing(self) -> None:
        self._full, self._still_unsent = True, None

    def resume_writing(self) -> None:
        self._full = False
        self.wake()

    # From the parser

    def on_message_begin(self) -> None:
        self._unfinished, self._url, self._headers = 0, b"", {}
        self._head_at = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        headers, key = self._headers, _name(name) if len(name) < 64 else name.lower().decode("ascii")
        text = value.decode("latin-1")
        if key in headers:
            if key == "host":
                raise _Refused(400, "A request names one host.")
            text = f"{headers[key]},{text}"
        headers[key] = text

    def on_headers_complete(self) -> None:
        headers, version = self._headers, self._parser.get_http_version()
        self._unfinished, self._head_at, self._headers = 0, None, {}  # trailers are no headers
        if version != "1.1" and version != "1.0":
            raise _Refused(505, "HTTP/1.1 is spoken here.")
        if version == "1.1" and "host" not in headers:
            raise _Refused(400, "A request names its host.")
        coding = headers.get("transfer-encoding")
        if coding is not None and (version == "1.0" or coding.lower() != "chunked"):
            raise _Refused(501, "A body is sent as it is, or in chunks.")
        url = httptools.parse_url(self._url)
        if url.host is not None:  # said in the first line, it is the one that counts
            headers["host"] = url.host.decode("latin-1") + (f":{url.port}" if url.port else "")
        http = HttpRequest(
            self._parser.get_method().decode("ascii"), (url.path or b"/").decode("ascii"),
            url.query.decode("latin-1") if url.query else "", headers, self._client,
        )  # fmt: skip
        length = None if coding is not None else int(headers.get("content-length", 0))
        incoming = Incoming(length, self._wanted)
        request = _Request(http, incoming, version == "1.1" and self._parser.should_keep_alive())
        if "expect" in headers and version == "1.1" and length != 0:
            incoming.waits_to_be_asked = headers["expect"].lower() == "100-continue"
        self._arriving, self._waited, self._came = request, 0.0, 0
        self._starts = length is not None and length <= _LONG_BYTES and not incoming.waits_to_be_asked
        if not self._starts:
            self._hand_over(request)

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        if self._arriving is not None:
            self._came += len(body)
            self._arriving.incoming.add(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        request, self._arriving = self._arriving, None
        if request is None:
            return
        request.incoming.end()
        if self._starts:
            self._starts = False
            self._hand_over(request)

    # Requests and their answers

    def _hand_over(self, request: _Request) -> None:
        if self._answering is not None:
            if len(self._waiting) >= _MOST_PIPELINED:
                raise _Refused(400, "Too many requests at once.")
            self._waiting.append(request)
            return
        self._answering = request
        self._task = self._loop.create_task(self._answer_all())
        self._server.tasks.add(self._task)

    async def _answer_all(self) -> None:
        try:
            while self._answering is not None:
                await self._answer(self._answering)
        except BaseException:
            self.transport.abort()
            raise
        finally:
            self._server.tasks.discard(self._task)

    async def _answer(self, request: _Request) -> None:
        try:
            response = await self._server.app(request.http, request.incoming)
            if not await request.incoming.discard():
                request.keep_alive = False
        except ClientGone:
            self._answered(keep_alive=self._refusal is not None)
            return
        except Exception:
            log.exception("a request failed")
            request.keep_alive = False
            response = HttpResponse(500, {"Content-Type": "text/plain"}, b"Internal Server Error")
        keep_alive = request.keep_alive and not self._server.stopping
        try:
            if not self.lost:
                await self._send(request.http.method, head_of(response, self._server.date(), keep_alive), response)
        except ClientGone:
            pass
        except OSError:  # a file that cannot be read on; what has left says how long the answer is
            log.exception("an answer breaks off")
            self.transport.abort()
        self._answered(keep_alive)

    async def _send(self, method: str, head: bytes, response: HttpResponse) -> None:
        body = response.body
        if method == "HEAD" or response.status in (204, 304) or not response.length:
            self.transport.write(head)
        elif not isinstance(body, bytes):
            await file_sending.send(self, head, body, encrypted=self._encrypted)
        elif len(body) <= _JOINED_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.writelines((head, body))
        if self._full:  # who asks without end must read the answers
            await self.emptied()

    def _answered(self, keep_alive: bool) -> None:
        self._used_at = self._loop.time()
        self._answering = self._waiting.popleft() if keep_alive and self._waiting and not self.lost else None
        if self.lost or self._answering is not None:
            return
        if not keep_alive:
            self._close()
        elif self._refusal is not None:
            self._send_refusal(self._refusal)
        else:
            self._regulate()

    def _wanted(self) -> None:
        """Whoever reads a body waits for more of it."""
        request = self._answering
        if request is not None and request.incoming.waits_to_be_asked:
            request.incoming.waits_to_be_asked = False
            if request is self._arriving and not self._came:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._regulate()

    def _regulate(self) -> None:
        """Reads on, unless more came than is being taken."""
        held = self._arriving is not None and self._arriving.incoming.held >= _MOST_HELD_BYTES
        pause = held or bool(self._waiting)  # no more is read than is answered
        if pause != self._paused and not self.transport.is_closing():
            self._paused = pause
            if pause:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    # Sending

    async def emptied(self) -> None:
        """Returns when the client took most of what was written. Raises `ClientGone`."""
        while self._full and not self.lost:
            await self.woken()
        if self.lost:
            raise ClientGone

    async def written(self) -> None:
        """Returns when the client took all that was written. Raises `ClientGone`."""
        if self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(0)
            await self.emptied()
            self.transport.set_write_buffer_limits()

    async def woken(self) -> None:
        """Returns after `wake`, and when the connection is lost."""
        if not self.lost:
            self._waker = self._loop.create_future()
            await self._waker

    def wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    # Ending

    def _refuse(self, refused: _Refused) -> None:
        """Tells the client that its request is not one, behind the answers that are due, and closes."""
        log.warning("refused a request", status=refused.status, reason=refused.text)
        self._turn_deaf()
        self._refusal = refused
        if self._arriving is not None:
            self._arriving.incoming.fail(_TOO_SLOW if refused.status == 408 else ClientGone())
        if self._answering is None:
            self._send_refusal(refused)

    def _send_refusal(self, refused: _Refused) -> None:
        text = refused.text.encode()
        response = HttpResponse(refused.status, {"Content-Type": "text/plain; charset=utf-8"}, text)
        self.transport.write(head_of(response, self._server.date(), False) + text)
        self._close()

    def _turn_deaf(self) -> None:
        self._deaf, self._long.left = True, 0

    def _close(self) -> None:
        """Closes when the client has its answer. With more to read that would reset the connection, and lose it."""
        unread = self._deaf or self._arriving is not None
        self._turn_deaf()
        if self.transport.is_closing():
            return
        if not unread:
            self.transport.close()
            return
        if self._encrypted:
            self.transport.close()  # which reads on until the client says that it is closed, too
        else:
            self.transport.write_eof()
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        self._loop.call_later(self._server.patience.last, self.transport.abort)

    def stop(self) -> None:
        """No further request is taken."""
        if self._answering is None:
            self.transport.close()

    def check(self, now: float) -> None:
        """Ends what takes too long. Called about once a second."""
        patience, arriving = self._server.patience, self._arriving
        passed, self._checked_at = now - (self._checked_at or now), now
        unsent = self.transport.get_write_buffer_size()
        if not self._full and (self._encrypted or not unsent):  # closing an encrypted one has its own end
            self._still_unsent = None
        elif unsent - self.moved != self._still_unsent:
            self._unsent_at, self._still_unsent = now, unsent - self.moved
        elif now - self._unsent_at > patience.answer:  # also of the last bytes, which a closed transport waits for
            self.transport.abort()
            return
        if self._deaf:
            return
        if arriving is not None:
            if not self._paused and not arriving.incoming.waits_to_be_asked:
                self._waited += passed
            if self._waited > patience.body + self._came / patience.body_bytes:
                self._refuse(_Refused(408, "The request's body takes too long."))
        elif self._head_at is not None:
            if now - self._head_at > patience.head:
                self._refuse(_Refused(408, "The request's headers take too long."))
        elif self._answering is None and now - self._used_at > patience.idle:
            self.transport.close()
