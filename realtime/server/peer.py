"""One client: between the packets of its connection and its sessions in the namespaces."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.frames import CloseCode

from realtime.protocol.engineio import Binary
from realtime.protocol.errors import RemoteProtocolError
from realtime.protocol.server_session import (
    ConnectRequested,
    Event,
    EventReceived,
    EventReceivedRaw,
    FencePassed,
    NamespaceLeft,
    PeerClosed,
    ServerSession,
    TimedOut,
)
from realtime.server.authentication import AuthenticationFailed, Authenticator
from realtime.server.deadlines import Deadlines
from realtime.server.frames import binary_frame, text_frame
from realtime.server.namespace import TAKEN_OVER, Namespace
from realtime.server.rooms import Member
from realtime.server.server_connection import ServerConnection
from realtime.server.session import Session
from realtime.server.stats import Counters
from realtime.utils.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all clients of a server share."""

    namespaces: dict[str, Namespace]
    authenticator: Authenticator
    deadlines: Deadlines
    counters: Counters
    rng: random.Random
    ping_interval_s: float
    ping_timeout_s: float
    connect_timeout_s: float
    max_payload: int


class Peer:
    """Drives the protocol's :class:`ServerSession` over a connection.

    Nothing is awaited on the way of an event: it is handled before the next one is read. Only an async
    authenticator or an async handler of the application becomes a task.
    """

    def __init__(self, surroundings: Surroundings, connection: ServerConnection) -> None:
        self._shared = surroundings
        self._connection = connection
        self._loop = connection.loop
        self._machine = ServerSession(
            sid=new_id(surroundings.rng),
            now=self._loop.time(),
            ping_interval_s=surroundings.ping_interval_s,
            ping_timeout_s=surroundings.ping_timeout_s,
            max_payload=surroundings.max_payload,
            connect_timeout_s=surroundings.connect_timeout_s,
        )
        self._sessions: dict[str, tuple[Session, Namespace]] = {}
        self._authenticating: dict[asyncio.Future[Member], None] = {}
        self._is_lost = False
        self._may_return = True  # its sessions outlive the connection
        # Broadcasts call these once per receiver: no wrapper in between.
        self.write = connection.write
        self.write_volatile = connection.write_volatile

    def __repr__(self) -> str:
        return f"<Peer {self._machine!r} on {self._connection!r}>"

    def open(self) -> None:
        """Send the handshake, and begin to listen."""
        self._connection.listen(self)
        self._flush()
        self._watch()

    # From the connection

    def receive_text(self, payload: bytes) -> None:
        """See :class:`FrameHandler`."""
        try:
            for event in self._machine.receive_raw(payload, self._loop.time()):
                self._handle(event)
        except RemoteProtocolError as error:
            self._refuse_packet(CloseCode.PROTOCOL_ERROR, error)

    def receive_binary(self, payload: bytes) -> None:
        """See :class:`FrameHandler`."""
        try:
            for event in self._machine.receive_binary(payload, self._loop.time()):
                self._handle(event)
        except RemoteProtocolError as error:
            self._refuse_packet(CloseCode.UNSUPPORTED_DATA, error)

    def lost(self, reason: str) -> None:
        """See :class:`FrameHandler`."""
        self._is_lost = True
        self._shared.deadlines.forget(self)
        if self._connection.too_slow:
            self._shared.counters.ended_too_slow += 1
        for task in tuple(self._authenticating):
            task.cancel()
        sessions, self._sessions = self._sessions, {}
        for session, namespace in sessions.values():
            if not self._may_return:
                namespace.remove(session, reason)
            elif (when := namespace.lose(session, reason)) is not None:
                self._shared.deadlines.watch(namespace, when)

    def due(self, now: float) -> float | None:
        """See :class:`Waiting`."""
        for event in self._machine.handle_timer(now):
            self._handle(event)
        self._flush()
        return self._machine.next_timer()

    # From a session

    def fence(self, passed: Callable[[], None]) -> None:
        """See :class:`SessionLink`."""
        if not self._is_lost:
            self._machine.fence(passed)
            self._flush()

    def leave(self, namespace: str) -> None:
        """See :class:`SessionLink`."""
        if namespace in self._sessions:
            self._machine.send_disconnect(namespace)
            self._flush()
            self._remove(namespace, "ended by the server")

    def replaced(self, namespace: str) -> None:
        """See :class:`SessionLink`."""
        self._sessions.pop(namespace, None)
        self._connection.end(CloseCode.GOING_AWAY, TAKEN_OVER)

    def overrun(self, reason: str) -> None:
        """See :class:`SessionLink`."""
        self._connection.end(CloseCode.TRY_AGAIN_LATER, reason)

    # Events of the protocol

    def _handle(self, event: Event) -> None:
        if type(event) is EventReceivedRaw:
            self._shared.counters.messages_in += 1
            session, namespace = self._sessions[event.namespace]
            namespace.events.receive_raw(session, event.event, event.body, session.own_ack_id(event.ack_id))
        elif isinstance(event, EventReceived):
            self._shared.counters.messages_in += 1
            session, namespace = self._sessions[event.namespace]
            namespace.events.receive(session, event.event, event.args, session.own_ack_id(event.ack_id))
        elif isinstance(event, ConnectRequested):
            self._connect(event)
        elif isinstance(event, NamespaceLeft):
            self._remove(event.namespace, "left by the client")
        elif isinstance(event, PeerClosed):
            self._may_return = False
            self._connection.end(CloseCode.NORMAL_CLOSURE, "closed by the client")
        elif isinstance(event, FencePassed):
            event.token()
        elif isinstance(event, TimedOut):
            self._connection.end(CloseCode.GOING_AWAY, event.reason)

    def _connect(self, request: ConnectRequested) -> None:
        """Let a client into a namespace, if it is who it must be."""
        namespace = self._shared.namespaces.get(request.namespace)
        if namespace is None:
            self._machine.refuse(request.namespace, "Invalid namespace")
            self._flush()
            return
        claimed = namespace.claimed(request.pid)
        sid = new_id(self._shared.rng) if claimed is None else claimed.sid  # the name of who has no other
        try:
            member = self._shared.authenticator.identify(request.auth, sid)
        except AuthenticationFailed as error:
            self._refuse(request, error)
            return
        if inspect.isawaitable(member):
            self._authenticate(request, sid, member)
        else:
            self._accept(request, sid, member)

    def _authenticate(self, request: ConnectRequested, sid: str, member: Awaitable[Member]) -> None:
        def done(task: asyncio.Future[Member]) -> None:
            del self._authenticating[task]
            if task.cancelled() or self._is_lost:
                return
            error = task.exception()
            if error is None:
                self._accept(request, sid, task.result())
            else:
                assert isinstance(error, AuthenticationFailed)
                self._refuse(request, error)

        task = asyncio.ensure_future(member)
        self._authenticating[task] = None
        task.add_done_callback(done)

    def _accept(self, request: ConnectRequested, sid: str, member: Member) -> None:
        namespace = self._shared.namespaces[request.namespace]
        if request.pid is None:
            self._begin(request, namespace, sid, member)
        elif (found := namespace.recover(request.pid, request.offset, member)) is not None:
            self._go_on(request, namespace, *found)
        else:
            self._shared.counters.recoveries_refused += 1
            fresh = new_id(self._shared.rng)
            self._begin(request, namespace, fresh, member if member.device_id != sid else Member(member.user_id, fresh))

    def _begin(self, request: ConnectRequested, namespace: Namespace, sid: str, member: Member) -> None:
        session = Session(sid=sid, member=member, namespace=namespace.name, link=self, auth=request.auth)
        if session.auth.get("recovery") is not False:
            namespace.promise(session)
        self._welcome(session, namespace)
        namespace.add(session)

    def _go_on(self, request: ConnectRequested, namespace: Namespace, session: Session, missed: list[bytes]) -> None:
        if missed:
            self.write(b"".join(missed))  # before the answer, as the protocol has it
        self._welcome(session, namespace)
        namespace.resume(session, self, request.auth)

    def _welcome(self, session: Session, namespace: Namespace) -> None:
        self._sessions[namespace.name] = (session, namespace)
        self._machine.accept(namespace.name, session.sid, session.pid)
        self._flush()

    def _refuse(self, request: ConnectRequested, error: AuthenticationFailed) -> None:
        self._machine.refuse(request.namespace, str(error), {"code": error.code})
        self._flush()

    def _remove(self, name: str, reason: str) -> None:
        session, namespace = self._sessions.pop(name)
        namespace.remove(session, reason)

    def _refuse_packet(self, code: CloseCode, error: RemoteProtocolError) -> None:
        self._shared.counters.bad_packets += 1
        self._may_return = False
        self._connection.end(code, str(error))

    def _flush(self) -> None:
        for frame in self._machine.data_to_send():
            self.write(binary_frame(frame.data) if isinstance(frame, Binary) else text_frame(frame.data))

    def _watch(self) -> None:
        when = self._machine.next_timer()
        if when is not None:
            self._shared.deadlines.watch(self, when)
