"""A scripted Socket.IO server, spelled out by hand: it shares no code with the client under test."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import re
from collections.abc import Callable
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

EVENT = re.compile(r"42(\d*)(\[.*)", re.DOTALL)
ACK = re.compile(r"43(\d+)(\[.*)", re.DOTALL)


class Mood(enum.Enum):
    """How the peer treats who connects to it; may change at any time."""

    FRIENDLY = "does everything right"
    SILENT = "accepts TCP, and never answers the upgrade to WebSocket"
    DROPPING = "drops the connection amid the upgrade"
    BUSY = "answers HTTP 503"
    MUTE = "upgrades, and says nothing"
    SLAMMING = "upgrades, and closes"
    GARBLED = "upgrades, and says nonsense"
    SPEECHLESS = "shakes hands, and never answers the CONNECT"
    REFUSING = "answers CONNECT_ERROR"
    ENDING = "answers DISCONNECT to the CONNECT"


class Caller:
    """One connection, as the peer sees it."""

    def __init__(self, ws: ServerConnection) -> None:
        self.ws = ws
        self.auth: Any = None
        self.events: list[list[Any]] = []
        self.acks: list[tuple[int, list[Any]]] = []
        self.pongs = 0
        self.said_goodbye = False
        self.close_code: int | None = None

    async def emit(self, event: str, *args: Any, ack_id: int | None = None) -> None:
        await self.say(f"42{'' if ack_id is None else ack_id}{json.dumps([event, *args])}")

    async def say(self, frame: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self.ws.send(frame)


class Peer:
    """``async with Peer() as peer``: listens until the block is left, or between ``start`` and ``stop``."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ping_interval_s: float = 25.0,
        ping_timeout_s: float = 20.0,
        max_payload: int = 1_000_000,
    ) -> None:
        self.mood = Mood.FRIENDLY
        self.retry_after: str | None = None
        self.refusal: dict[str, Any] = {"message": "not you"}
        self.pid: str | None = None
        self.missed: list[str] = []  # frames to replay to a session that is recovered
        self.callers: list[Caller] = []
        self.knocks: list[float] = []  # when somebody tried to upgrade
        self.answer: Callable[[str, list[Any]], Any] = lambda event, args: {"ok": True}
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._host, self.port = host, port
        self._interval_s, self._timeout_s, self._max_payload = ping_interval_s, ping_timeout_s, max_payload
        self._server: Server | None = None
        self._unanswered: list[ServerConnection] = []

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def caller(self) -> Caller:
        """The newest connection."""
        return self.callers[-1]

    @property
    def events(self) -> list[list[Any]]:
        """Everything that was ever said to it, in order."""
        return [event for caller in self.callers for event in caller.events]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await serve(
            self._converse,
            self._host,
            self.port,
            process_request=self._process_request,
            compression=None,
            ping_interval=None,
            open_timeout=60,  # longer than any client waits
            close_timeout=1,
        )
        if self.port == 0:
            self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Close every connection with a close frame, and stop listening."""
        for ws in self._unanswered:
            ws.transport.abort()
        self._unanswered.clear()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def crash(self) -> None:
        """Reset every connection, and stop listening."""
        for caller in self.callers:
            caller.ws.transport.abort()
        await self.stop()

    async def emit(self, event: str, *args: Any) -> None:
        await self.caller.emit(event, *args)

    async def _process_request(self, ws: ServerConnection, request: Request) -> Response | None:
        self.knocks.append(asyncio.get_running_loop().time())
        self.paths.append(request.path)
        self.headers.append(dict(request.headers.raw_items()))
        if self.mood is Mood.SILENT:
            self._unanswered.append(ws)
            await ws.wait_closed()
        elif self.mood is Mood.DROPPING:
            ws.transport.abort()
            await ws.wait_closed()
        elif self.mood is Mood.BUSY:
            response = ws.respond(503, "busy\n")
            if self.retry_after is not None:
                response.headers["Retry-After"] = self.retry_after
            return response
        return None

    async def _converse(self, ws: ServerConnection) -> None:
        caller = Caller(ws)
        if self.mood is Mood.SLAMMING:
            return
        if self.mood is Mood.MUTE:
            await ws.wait_closed()
            return
        hello = {
            "sid": "eio",
            "upgrades": [],
            "pingInterval": round(self._interval_s * 1000),
            "pingTimeout": round(self._timeout_s * 1000),
            "maxPayload": self._max_payload,
        }
        await caller.say("nonsense" if self.mood is Mood.GARBLED else "0" + json.dumps(hello))
        heartbeat = asyncio.ensure_future(self._heartbeat(caller))
        try:
            while True:
                async with asyncio.timeout(self._interval_s + self._timeout_s):
                    frame = await ws.recv()
                await self._hear(caller, str(frame))
        except ConnectionClosed as closed:
            caller.close_code = None if closed.rcvd is None else closed.rcvd.code
        except TimeoutError:
            ws.transport.abort()
        finally:
            heartbeat.cancel()

    async def _heartbeat(self, caller: Caller) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            await caller.say("2")

    async def _hear(self, caller: Caller, frame: str) -> None:
        if frame.startswith("40"):
            auth = frame.partition(",")[2] if frame.startswith("40/") else frame[2:]
            caller.auth = json.loads(auth or "null")
            await self._welcome(caller)
        elif found := EVENT.fullmatch(frame):
            event = json.loads(found[2])
            caller.events.append(event)
            if found[1]:
                value = self.answer(event[0], event[1:])
                if value is not None:
                    await caller.say(f"43{found[1]}{json.dumps([value])}")
        elif found := ACK.fullmatch(frame):
            caller.acks.append((int(found[1]), json.loads(found[2])))
        elif frame == "3":
            caller.pongs += 1
        elif frame == "41":
            caller.said_goodbye = True

    async def _welcome(self, caller: Caller) -> None:
        self.callers.append(caller)
        if self.mood is Mood.SPEECHLESS:
            return
        if self.mood is Mood.REFUSING:
            await caller.say("44" + json.dumps(self.refusal))
        elif self.mood is Mood.ENDING:
            await caller.say("41")
        else:
            recovered = self.pid is not None and (caller.auth or {}).get("pid") == self.pid
            for frame in self.missed if recovered else ():
                await caller.say(frame)
            reply = {"sid": f"s{len(self.callers)}"} | ({} if self.pid is None else {"pid": self.pid})
            await caller.say("40" + json.dumps(reply))
