"""Does what a lifecycle decides: holds the connection, the one timer, and the order of things."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from realtime.connection.ack_watch import AckWatch
from realtime.connection.actions import Action, Announce, Dial, Farewell, HangUp, Probe, Settle, TellAppState
from realtime.connection.connection import Connection
from realtime.connection.connection_state import ConnectionState
from realtime.connection.delivery import Delivery
from realtime.connection.errors import ConnectError
from realtime.connection.failures import PARSE_ERROR, PING_TIMEOUT, TRANSPORT_ERROR
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.connection.lifecycle import IO_SERVER_DISCONNECT, Lifecycle
from realtime.connection.reply import answer
from realtime.connection.web_socket import Route
from realtime.protocol.client_session import AckReceived, ClientSession, Connected, EventReceived, Recovery
from realtime.protocol.socketio import encode_event
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventEmitter

_log = logging.getLogger("realtime.connection")

Auth = Mapping[str, Any] | Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None]

OWN_EVENTS = frozenset(
    {"connect", "disconnect", "connect_error", "reconnect_attempt", "reconnect", "reconnect_failed", "state_change"}
)
"""Events that tell about the connection; a server cannot emit them."""

_DEAD = (PING_TIMEOUT, TRANSPORT_ERROR, PARSE_ERROR)
"""Ends after which there is nobody to talk to."""


class Driver:
    """Connects pure decisions with an event loop.

    Decisions come in from :meth:`perform` and go out to the connection, to the application's handlers and to whoever
    waits; whatever the connection reports goes back to the lifecycle. Actions are done in the order of their decision,
    also when a handler causes new ones.

    Args:
        life: decides.
        delivery: has the messages.
        heartbeat: watches each connection in turn.
        events: the application's handlers.
        route: how to reach the server.
        namespace: the Socket.IO namespace.
        auth: what the server judges a connection by.
        changed: called when anything that people look at may have changed.
    """

    def __init__(
        self,
        *,
        life: Lifecycle,
        delivery: Delivery,
        heartbeat: HeartbeatMonitor,
        events: EventEmitter,
        route: Route,
        namespace: str,
        auth: Auth | None,
        changed: Callable[[], None],
    ) -> None:
        self.recovered = False
        """Whether the newest connection continued the previous session."""
        self.state_since_s = 0.0
        """When the present state began, by the loop's clock."""
        self._life = life
        self._delivery = delivery
        self._heartbeat = heartbeat
        self._ack_watch = AckWatch()
        self._events = events
        self._route = route
        self._namespace = namespace
        self._auth = auth
        self._added_to_auth: dict[str, Callable[[], Any]] = {}
        self._changed = changed
        self._connection: Connection | None = None
        self._recovery: Recovery | None = None
        self._closing: dict[asyncio.Future[None], None] = {}
        self._agenda: deque[Action] = deque()
        self._performing = False
        self._alarm = Alarm(self._on_timer)
        self._context: contextvars.Context | None = None
        self._past_bytes_sent = self._past_bytes_received = 0

    @property
    def line(self) -> Connection | None:
        """The connection, once it is ready."""
        return self._connection if self._life.state is ConnectionState.CONNECTED else None

    @property
    def bytes_sent(self) -> int:
        """Payload bytes written to all connections."""
        return self._past_bytes_sent + (0 if self._connection is None else self._connection.bytes_sent)

    @property
    def bytes_received(self) -> int:
        """Payload bytes read from all connections."""
        return self._past_bytes_received + (0 if self._connection is None else self._connection.bytes_received)

    def settle_in(self) -> None:
        """From now on connections belong to the present context, whoever causes them: a timer, or the user's finger."""
        self._context = contextvars.copy_context()

    def add_to_auth(self, key: str, make: Callable[[], Any]) -> Callable[[], None]:
        """See :meth:`SocketManager.add_to_auth`."""
        self._added_to_auth[key] = make

        def remove() -> None:
            self._added_to_auth.pop(key, None)

        return remove

    def perform(self, actions: list[Action]) -> None:
        """Act; what a handler makes the lifecycle decide meanwhile comes after what was decided before."""
        self._agenda.extend(actions)
        if self._performing:
            return
        self._performing = True
        try:
            while self._agenda:
                self._act(self._agenda.popleft())
        finally:
            self._performing = False
        self.flush()
        self.arm()
        self._changed()

    def flush(self) -> None:
        """Write what waits in the outbox, but not amid a change: the handlers of ``connect`` come first."""
        if not self._performing and (line := self.line) is not None:
            self._delivery.flush(line)
            if self._ack_watch.due is None and (awaited := self._delivery.unacked):
                self._ack_watch.look(asyncio.get_running_loop().time(), awaited)
                self.arm()

    def probe(self) -> None:
        """Find out within seconds whether the connection is alive."""
        if (line := self.line) is not None:
            line.probe()
            self.arm()

    def arm(self) -> None:
        """Keep one timer for whatever is due first.

        If that has moved to a later time the timer stays, and finds nothing to do: every received byte moves the
        heartbeat's deadline, and is not worth a new timer.
        """
        heartbeat = None if self._connection is None else self._connection.next_timer()
        due = self._ack_watch.due
        for timer in (self._life.next_timer(), self._delivery.next_timer(), heartbeat):
            if timer is not None and (due is None or timer < due):
                due = timer
        if self._alarm.due is None or due is None or due < self._alarm.due:
            self._alarm.set(due, context=self._context)

    async def closed(self) -> None:
        """Wait until nothing is left of former connections: a bounded time."""
        if self._closing:
            await asyncio.wait(list(self._closing), timeout=2 * self._route.close_timeout_s)

    def _on_timer(self, now: float) -> None:
        self._delivery.handle_timer(now)
        self.perform(self._life.handle_timer(now))
        if self._ack_watch.is_overdue(now, size_bytes=self._delivery.size_bytes, heard_at=self._heartbeat.heard_at):
            self.probe()
        if self._connection is not None:
            self._connection.handle_timer(now)
        self.arm()
        self._changed()

    def _act(self, action: Action) -> None:
        match action:
            case Announce(event=event, args=args):
                if event == "state_change":
                    self.state_since_s = asyncio.get_running_loop().time()
                    self._changed()
                self._events.dispatch(event, *args)
            case Dial():
                self._connection = Connection(self._route, self._make_session, self._heartbeat, self)
                self._connection.start(None if self._context is None else self._context.copy())
            case HangUp(reason=reason, farewell=farewell):
                self._release(reason or TRANSPORT_ERROR, farewell)
                if farewell is Farewell.GOODBYE:
                    self._recovery = None
            case Probe():
                self.probe()
            case TellAppState(state=state):
                # Past the outbox, and even into a full write buffer: it is small, and soon nobody may be there to wait.
                if self._connection is not None:
                    packet = encode_event("app:state", ({"state": state.value},), namespace=self._namespace)
                    self._connection.write(packet.text)
            case Settle(waiter=waiter, error=error):
                if isinstance(waiter, asyncio.Future) and not waiter.done():
                    waiter.set_result(error)

    async def _make_session(self) -> ClientSession:
        auth = self._auth() if callable(self._auth) else self._auth
        if inspect.isawaitable(auth):
            auth = await auth
        added = {key: value for key, make in self._added_to_auth.items() if (value := make()) is not None}
        return ClientSession(self._namespace, {**added, **(auth or {})} if added else auth, self._recovery)

    def _release(self, reason: str, farewell: Farewell) -> None:
        """Let go of the connection, and remember what the next one needs."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._recovery = connection.recovery or self._recovery
        closing = connection.hang_up(farewell)
        self._closing[closing] = None
        closing.add_done_callback(lambda done: self._closing.pop(done, None))
        self._past_bytes_sent += connection.bytes_sent
        self._past_bytes_received += connection.bytes_received
        self._ack_watch.stop()
        self._delivery.connection_ended(reason)

    # --- what the connection reports; it reports nothing more once it is released

    def connection_stage(self, stage: str) -> None:
        """The attempt now waits for this."""
        self._life.stage = stage

    def connection_opened(self, max_payload: int) -> None:
        """The server takes frames of so many bytes."""
        self._delivery.max_payload = max_payload
        self.arm()

    def connection_ready(self, connected: Connected) -> None:
        """The attempt succeeded."""
        self.recovered = connected.recovered
        self.perform(self._life.connected(asyncio.get_running_loop().time(), recovered=connected.recovered))

    def connection_event(self, event: EventReceived) -> None:
        """The server emitted an event."""
        if event.event in OWN_EVENTS:
            _log.warning("%s emitted %r, a name that tells about the connection: ignored", self._route.address, event)
            return
        results = self._events.dispatch(event.event, *event.args)
        connection, ack_id = self._connection, event.ack_id
        if ack_id is not None and connection is not None:
            answer(results, lambda args: connection.send_ack(ack_id, args))

    def connection_acked(self, ack: AckReceived) -> None:
        """The server acknowledged an event."""
        now = asyncio.get_running_loop().time()
        is_settled = self._delivery.acked(ack.ack_id, ack.args, now)
        self._ack_watch.answered(now, self._delivery.unacked)
        if not is_settled:
            self.arm()
        self._changed()

    def connection_measured(self) -> None:
        """The round trip is known."""
        self._changed()

    def connection_writable(self) -> None:
        """The write buffer has drained."""
        self.flush()
        self._changed()

    def connection_failed(self, error: ConnectError) -> None:
        """The attempt failed."""
        self._release(TRANSPORT_ERROR, Farewell.CLOSE)
        self.perform(self._life.failed(asyncio.get_running_loop().time(), error))

    def connection_lost(self, reason: str) -> None:
        """The connection ended."""
        self._release(reason, Farewell.DROP if reason in _DEAD else Farewell.CLOSE)
        if reason == IO_SERVER_DISCONNECT:
            self._recovery = None
        self.perform(self._life.lost(asyncio.get_running_loop().time(), reason))
