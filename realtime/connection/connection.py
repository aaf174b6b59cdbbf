"""One connection, from dialling to its end: bytes in, events out, and no opinion about what comes next."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed

from realtime.connection.actions import Farewell
from realtime.connection.errors import ConnectError, ConnectionLost
from realtime.connection.failures import (
    PARSE_ERROR,
    PING_TIMEOUT,
    TRANSPORT_CLOSE,
    attempt_failure,
    loss_reason,
    refusal,
)
from realtime.connection.heartbeat_monitor import HeartbeatMonitor, Verdict
from realtime.connection.lifecycle import IO_SERVER_DISCONNECT
from realtime.connection.web_socket import Route, WebSocket, open_web_socket
from realtime.protocol.client_session import (
    AckReceived,
    ClientSession,
    ClientState,
    Connected,
    ConnectFailed,
    Disconnected,
    EngineClosed,
    Event,
    EventReceived,
    Opened,
    PingReceived,
    Recovery,
)
from realtime.protocol.engineio import Text
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.utils import ambient

_log = logging.getLogger("realtime.connection")


class Listener(Protocol):
    """Who is told what happens to a connection; nothing more is told once it is over or hung up."""

    def connection_stage(self, stage: str) -> None:
        """The attempt now waits for this."""

    def connection_opened(self, max_payload: int) -> None:
        """The server's handshake arrived; it takes frames of so many bytes."""

    def connection_ready(self, connected: Connected) -> None:
        """The namespace is connected."""

    def connection_event(self, event: EventReceived) -> None:
        """The server emitted an event."""

    def connection_acked(self, ack: AckReceived) -> None:
        """The server acknowledged an event."""

    def connection_measured(self) -> None:
        """The round trip was measured anew."""

    def connection_writable(self) -> None:
        """There is room in the write buffer again."""

    def connection_failed(self, error: ConnectError) -> None:
        """The attempt failed: the end."""

    def connection_lost(self, reason: str) -> None:
        """The connection, once ready, ended."""


class Connection:
    """Dials once, and reads until the end.

    Call :meth:`start` once. Afterwards, whatever happened, call :meth:`hang_up` exactly when you are done with it.

    Args:
        route: how to reach the server.
        make_session: makes the session, and so may fetch a token; called by the attempt, within its time.
        heartbeat: watches this connection from its handshake on.
        listener: is told what happens.
    """

    def __init__(
        self,
        route: Route,
        make_session: Callable[[], Awaitable[ClientSession]],
        heartbeat: HeartbeatMonitor,
        listener: Listener,
    ) -> None:
        self.bytes_sent = 0
        """Payload bytes written."""
        self.bytes_received = 0
        """Payload bytes read."""
        self._route = route
        self._make_session = make_session
        self._heartbeat = heartbeat
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._session: ClientSession | None = None
        self._socket: WebSocket | None = None
        self._task: asyncio.Task[None] | None = None
        self._pings: dict[asyncio.Task[None], None] = {}
        self._measuring: list[asyncio.Future[str | None]] = []
        self._ready = False
        self._over = False
        self._end_reason = "not connected"

    @property
    def writable(self) -> bool:
        """Whether it is connected and its write buffer has room."""
        return self._ready and not self._over and self._socket is not None and self._socket.has_room

    @property
    def recovery(self) -> Recovery | None:
        """What the next connection needs to continue this one's session."""
        return None if self._session is None else self._session.recovery

    def start(self, context: contextvars.Context | None = None) -> None:
        """Dial, in this context, or in a copy of the present one."""
        self._task = self._loop.create_task(self._run(), context=context)

    def write(self, text: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Write a text frame and the binary frames that belong to it; only while ready."""
        self._write(text, text=True)
        for attachment in attachments:
            self._write(attachment, text=False)

    def send_ack(self, ack_id: int, args: list[Any]) -> None:
        """Acknowledge an event of the server's; too late is harmless."""
        if self._over or self._session is None or self._session.state is not ClientState.CONNECTED:
            return
        try:
            self._session.send_ack(ack_id, args)
        except LocalProtocolError:
            _log.exception("the value that a handler returned cannot be sent as an acknowledgement")
        self._write_session()

    def probe(self) -> None:
        """Find out within seconds whether the peer is alive; otherwise the connection ends as ``ping timeout``."""
        self._send_ping(self._heartbeat.probe(self._loop.time()))

    async def measure_rtt(self) -> float:
        """Measure the round trip to the server and back, in seconds.

        Raises:
            ConnectionLost: the connection ended first.
        """
        if self._over:
            raise ConnectionLost(self._end_reason)
        if not self._measuring:
            self._send_ping(self._heartbeat.measure(self._loop.time()))
        waiter: asyncio.Future[str | None] = self._loop.create_future()
        self._measuring.append(waiter)
        reason = await waiter
        if reason is not None or self._heartbeat.rtt_s is None:
            raise ConnectionLost(reason or self._end_reason)
        return self._heartbeat.rtt_s

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, or None for never."""
        return self._heartbeat.next_timer()

    def handle_timer(self, now: float) -> None:
        """Look whether the peer is alive."""
        verdict = self._heartbeat.handle_timer(now)
        if verdict is Verdict.PROBE:
            self.probe()
        elif verdict is Verdict.DEAD:
            self.ended(PING_TIMEOUT)

    def ended(self, reason: str) -> None:
        """The connection is of no more use: tell the listener why."""
        if not self._over:
            self._finish(reason)
            self._listener.connection_lost(reason)

    def hang_up(self, farewell: Farewell) -> asyncio.Future[None]:
        """Let go at once: the listener hears nothing more.

        Args:
            farewell: how; anything but DROP takes at most ``close_timeout_s``.

        Returns:
            Done when nothing of the connection is left; never fails, and need not be awaited.
        """
        self._finish(self._end_reason)
        return asyncio.ensure_future(self._close(farewell))

    async def _close(self, farewell: Farewell) -> None:
        socket, task = self._socket, self._task
        if socket is None:
            if task is not None:
                task.cancel()
        else:
            if farewell is Farewell.GOODBYE:
                self._end_session()
            if farewell is not Farewell.DROP:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._route.close_timeout_s):
                        await socket.close()
            socket.transport.abort()
        rest = [task for task in (task, *self._pings) if task is not None]
        if rest:
            await asyncio.wait(rest)

    def _end_session(self) -> None:
        session = self._session
        if session is not None and session.state is ClientState.CONNECTED:
            session.send_disconnect()
            self._write_session()

    def _finish(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._end_reason = reason
        self._heartbeat.stop()
        self._settle_measuring(reason)

    async def _run(self) -> None:
        try:
            self._stage("making the auth")
            self._session = await self._make_session()
            self._stage("waiting for the TCP connection")
            self._socket = socket = await open_web_socket(self._route, self)
            self._stage("waiting for the Engine.IO handshake")
            socket.start_reading()
            await socket.closed()
        except Exception as error:
            if not self._ready:
                self._failed(error)
            elif isinstance(error, ConnectionClosed):
                self.ended(loss_reason(error))
            else:
                self._mistake(error)

    def _mistake(self, error: Exception) -> None:
        if not self._over:
            _log.error("a connection to %s ended by a mistake of this package", self._route.address, exc_info=error)
            if self._ready:
                self.ended(loss_reason(error))
            else:
                self._failed(error)

    def _protocol_broken(self, error: RemoteProtocolError) -> None:
        _log.warning("%s broke the protocol: %s", self._route.address, error)
        if self._ready:
            self.ended(PARSE_ERROR)
        else:
            self._failed(error)

    def _handle(self, event: Event) -> None:
        match event:
            case EventReceived():
                self._listener.connection_event(event)
            case AckReceived():
                self._listener.connection_acked(event)
            case PingReceived():
                # The radio is awake for the answer anyway: the cheapest moment to measure.
                self._send_ping(self._heartbeat.measure(self._loop.time()))
            case Opened(handshake=handshake):
                self._heartbeat.start(
                    self._loop.time(),
                    ping_interval_s=handshake.ping_interval / 1000,
                    ping_timeout_s=handshake.ping_timeout / 1000,
                )
                self._stage("waiting for the Socket.IO CONNECT reply")
                self._listener.connection_opened(handshake.max_payload)
            case Connected():
                self._ready = True
                self._send_ping(self._heartbeat.measure(self._loop.time()))
                self._listener.connection_ready(event)
            case ConnectFailed(message=message, data=data):
                self._failed(refusal(message, data))
            case Disconnected():
                self.ended(IO_SERVER_DISCONNECT)
            case EngineClosed():
                self._engine_closed()

    def _engine_closed(self) -> None:
        if self._ready:
            self.ended(TRANSPORT_CLOSE)
        else:
            self._failed(ConnectError(f"{self._route.address}: the server closed the connection during the handshake"))

    def _failed(self, error: Exception) -> None:
        if not self._over:
            self._finish(TRANSPORT_CLOSE)
            failure = attempt_failure(self._route.address, error, wall_time_s=ambient.wall_time_s())
            self._listener.connection_failed(failure)

    def _stage(self, stage: str) -> None:
        if not self._over:
            self._listener.connection_stage(stage)

    def _write_session(self) -> None:
        if self._session is not None:
            for frame in self._session.data_to_send():
                self._write(frame.data, text=isinstance(frame, Text))

    def _write(self, data: bytes, *, text: bool) -> None:
        if self._socket is not None and self._socket.write(data, text=text):
            self.bytes_sent += len(data)

    def _send_ping(self, number: int) -> None:
        if self._socket is not None and not self._over:
            task = self._loop.create_task(self._ping(self._socket, number))
            self._pings[task] = None
            task.add_done_callback(lambda done: self._pings.pop(done, None))

    async def _ping(self, socket: WebSocket, number: int) -> None:
        try:
            pong = await socket.ping(struct.pack("!Q", number))
            await pong
        except (ConnectionClosed, OSError):
            return
        if not self._over and self._heartbeat.pong(number, self._loop.time()) is not None:
            self._settle_measuring(None)
            self._listener.connection_measured()

    def _settle_measuring(self, reason: str | None) -> None:
        waiters, self._measuring = self._measuring, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(reason)

    # --- called by the socket

    def tcp_open(self) -> None:
        """The TCP connection, and TLS if any, stands."""
        self._stage("waiting for the WebSocket upgrade")

    def data_arrived(self) -> None:
        """Bytes of whatever kind arrived."""
        if not self._over:
            self._heartbeat.received(self._loop.time())

    def message_arrived(self, data: bytes, *, is_text: bool) -> None:
        """A message from the server; once hung up it is of no interest."""
        session = self._session
        if self._over or session is None:
            return
        self.bytes_received += len(data)
        if is_text and (emitted := session.receive_event(data)) is not None:  # nearly always
            try:
                self._listener.connection_event(emitted)
            except Exception as error:
                self._mistake(error)
            return
        try:
            events = session.receive_text(data) if is_text else session.receive_binary(data)
        except RemoteProtocolError as error:
            self._protocol_broken(error)
            return
        if session.has_data_to_send:
            self._write_session()
        try:
            for event in events:
                if not self._over:
                    self._handle(event)
        except Exception as error:
            self._mistake(error)

    def room_again(self) -> None:
        """The write buffer has drained."""
        if self.writable:
            self._listener.connection_writable()
