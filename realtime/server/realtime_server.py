"""The server: Socket.IO with rooms, chat, presence and location, on one port, in one process."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import math
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server, serve
from websockets.asyncio.server import ServerConnection as WebSocketConnection
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.location.plausibility import Limits
from realtime.server.admission import HANDSHAKES_PER_S, Admission
from realtime.server.amendment_events import AmendmentEvents
from realtime.server.authentication import Authenticate, Authenticator
from realtime.server.chat_events import ChatEvents
from realtime.server.deadlines import Deadlines
from realtime.server.engine.base import Engine
from realtime.server.engine.memory import MemoryEngine
from realtime.server.errors import ServerStartError
from realtime.server.events import Handler
from realtime.server.geofence_events import GeofenceEvents
from realtime.server.http_endpoints import HttpEndpoints, come_again
from realtime.server.location_events import LocationEvents
from realtime.server.logged_entries import LoggedEntries
from realtime.server.metrics import metrics_response
from realtime.server.namespace import Namespace
from realtime.server.online_users import OnlineUsers
from realtime.server.peer import Peer, Surroundings
from realtime.server.presence_events import BATCH_S, GRACE_S, PresenceEvents
from realtime.server.presence_rooms import PresenceRooms
from realtime.server.push.push_service import PushService
from realtime.server.push_events import PushEvents
from realtime.server.rate_limit import RateLimit
from realtime.server.receipt_events import TELL_AFTER_S, ReceiptEvents
from realtime.server.recovery import Recovery, new_recovery
from realtime.server.room_api import RoomApi
from realtime.server.room_events import RoomEvents
from realtime.server.server_connection import ServerConnection
from realtime.server.session import Session
from realtime.server.stats import Counters, Stats
from realtime.utils import ambient
from realtime.utils.ids import new_id

_PENDING_CONNECTS = 1024  # of the listening socket: after an outage, everybody comes back at once


class RealtimeServer:
    """Serves phones and browsers over Socket.IO (protocol 5, WebSocket only).

    Use it as ``async with RealtimeServer() as server``, or call :meth:`start` and, in any case, :meth:`stop`.

    Args:
        host: address to listen on.
        port: 0 takes any free one; :attr:`port` then tells which.
        engine: keeps the rooms' logs; in memory by default.
        ping_interval_s: from one Engine.IO ping to the next.
        ping_timeout_s: a client that does not answer one within this is given up.
        connect_timeout_s: so is one that asks for no namespace.
        recovery_s: how long a session outlives its connection, so that its client can go on with it and hear what it
            missed; a client whose ``auth`` says ``recovery: false`` wants none. 0 keeps no session.
        presence_grace_s: how long a member stays present whose connection is lost without a goodbye; 0 is not at all.
        presence_batch_s: changes of a room's presence within this time are told at once; 0 tells each as it comes.
        handshakes_per_s: so many clients may come in within a second; the others are told to come again (HTTP status
            503), each when there is a place for it. None lets everybody in.
        events_per_s: so many may one session send, on the average, and in a burst five times as many; beyond, they are
            refused as ``rate_limited``, to be sent again later. None, the default: any number.
        max_payload: bytes that one packet may have.
        max_backlog: bytes that may wait for a client that does not keep up; beyond, it is disconnected, and
            catches up by ``room:join`` with ``since``.
        close_timeout_s: a client that does not answer a close is cut off after this; bounds :meth:`stop`.
        push: tells who does not look; by default only devices that take :class:`LocalGateway` pushes. It is this
            server's own, and stopped with it. What it must not lose is kept by the engine.
        authenticate: see :class:`Authenticator`. Without it everybody is believed (development mode).
        allow_unauthenticated: serve other machines in development mode too.
        location_limits: which fixes are believed; others are rejected.
        rng: source of ids.

    Raises:
        ServerStartError: development mode was asked for on an address that other machines can reach.
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 8765,
        engine: Engine | None = None,
        ping_interval_s: float = 25.0,
        ping_timeout_s: float = 20.0,
        connect_timeout_s: float = 45.0,
        recovery_s: float = 120.0,
        presence_grace_s: float = GRACE_S,
        presence_batch_s: float = BATCH_S,
        handshakes_per_s: int | None = HANDSHAKES_PER_S,
        events_per_s: float | None = None,
        max_payload: int = 1_000_000,
        max_backlog: int = 1024 * 1024,
        close_timeout_s: float = 2.0,
        push: PushService | None = None,
        authenticate: Authenticate | None = None,
        allow_unauthenticated: bool = False,
        location_limits: Limits | None = None,
        rng: random.Random | None = None,
    ) -> None:
        _check_above_zero(
            ping_interval_s=ping_interval_s,
            ping_timeout_s=ping_timeout_s,
            connect_timeout_s=connect_timeout_s,
            max_payload=max_payload,
            max_backlog=max_backlog,
            close_timeout_s=close_timeout_s,
        )
        if not 0 <= recovery_s < math.inf:
            raise ValueError(f"recovery_s must be a number of seconds, or 0 for no recovery, not {recovery_s}")
        for name, value in {"presence_grace_s": presence_grace_s, "presence_batch_s": presence_batch_s}.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a number of seconds, or 0, not {value}")
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be 0 to 65535, not {port}")
        if authenticate is None and not allow_unauthenticated and not _is_this_machine(host):
            raise ServerStartError(
                f"{host!r} can be reached from other machines, and without authenticate= everybody is believed to be "
                "whoever they say; pass authenticate=, or listen on 127.0.0.1, or accept it: allow_unauthenticated=True"
            )
        self._host = host
        self._port = port
        self._rng = rng or ambient.new_random()
        self._engine: Engine = MemoryEngine(rng=self._rng) if engine is None else engine
        self._counters = Counters()
        self._admission = Admission(handshakes_per_s)
        self._limit = None if events_per_s is None else RateLimit(events_per_s)
        self._namespaces: dict[str, Namespace] = {}
        self._authenticator = Authenticator(authenticate)
        self._endpoints = HttpEndpoints(
            health=self._health,
            metrics=lambda: metrics_response(self.stats),
            rooms=RoomApi(self._engine, self._authenticator).answer,
        )
        self._timing = {
            "ping_interval_s": ping_interval_s,
            "ping_timeout_s": ping_timeout_s,
            "connect_timeout_s": connect_timeout_s,
        }
        self._recovery_s = recovery_s
        self._max_payload = max_payload
        self._max_backlog = max_backlog
        self._close_timeout_s = close_timeout_s
        self._live: dict[ServerConnection, None] = {}
        self._server: Server | None = None
        self._surroundings: Surroundings | None = None
        main = self.namespace("/")
        presence = PresenceRooms(epoch=new_id(self._rng), batch_s=presence_batch_s, grace_s=presence_grace_s)
        users = OnlineUsers(batch_s=presence_batch_s, grace_s=presence_grace_s)
        self._rooms = RoomEvents(main, self._engine, presence)
        self._presence = PresenceEvents(main, self._rooms, presence, users, clock=_loop_time)
        entries = LoggedEntries(main, self._rooms, self._engine, self._counters, self._rng)
        ChatEvents(main, self._rooms, entries, self._engine)
        AmendmentEvents(main, self._rooms, entries, self._engine)
        self._receipts = receipts = ReceiptEvents(main, self._rooms, self._engine, later=_moment_later)
        self._locations = LocationEvents(main, self._rooms, limits=location_limits)
        self._geofences = GeofenceEvents(main, self._rooms, self._locations, self._engine, self._rng)

        self.push = PushService() if push is None else push
        """Who does not look is told by this."""
        self._pushes = PushEvents(main, self._rooms, receipts, self.push)
        self.notify = self._pushes.notify
        """Tell a user something, by socket and by push: see :meth:`PushEvents.notify`."""

    def __repr__(self) -> str:
        if self._server is None:
            return f"<RealtimeServer {self.url} stopped>"
        stats = self.stats
        return f"<RealtimeServer {self.url} listening connections={stats.connections} rooms={stats.rooms}>"

    @property
    def port(self) -> int:
        """The port; while the server runs, the real one."""
        return self._port if self._server is None else int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Where clients connect to."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def stats(self) -> Stats:
        """Figures of this moment."""
        return Stats.of(
            self._counters,
            connections=sum(connection.is_listening for connection in self._live),
            sessions=sum(len(namespace.sessions) for namespace in self._namespaces.values()),
            rooms=sum(len(namespace.rooms) for namespace in self._namespaces.values()),
        )

    @property
    def open_sockets(self) -> int:
        """TCP connections, those included that are no WebSocket yet or no longer."""
        return len(self._live)

    # The application's events

    def namespace(self, name: str) -> Namespace:
        """The namespace of this name; it is registered if it is new. Rooms, chat and location are in ``/`` only.

        Raises:
            LocalProtocolError: the name cannot travel.
        """
        if name not in self._namespaces:
            self._namespaces[name] = Namespace(name, self._counters, self._new_recovery(), self._limit)
        return self._namespaces[name]

    def _new_recovery(self) -> Recovery | None:
        if not self._recovery_s:
            return None
        return new_recovery(
            self._rng,
            window_s=self._recovery_s,
            unnoticed_s=self._timing["ping_interval_s"] + self._timing["ping_timeout_s"],
            max_replay=self._max_backlog // 2,
        )

    def on(self, event: str, handler: Handler) -> Handler:
        """Handle an event of the application's own in ``/``: see :meth:`EventTable.on`.

        Raises:
            ValueError: the name is built in, or reserved by Socket.IO.
        """
        return self.namespace("/").on(event, handler)

    def emit(self, event: str, *args: Any, room: str | None = None, session: Session | None = None) -> None:
        """Send an event to every session in ``/``, to those in a room, or to one session.

        Raises:
            LocalProtocolError: the name is reserved, or an argument cannot be sent.
        """
        if session is not None:
            session.emit(event, *args)
        else:
            self.namespace("/").emit(event, *args, room=room)

    def geofences(self, room_id: str) -> GeofenceMonitor:
        """The fences that the server watches for a room, on the positions that are shared with it: add them there.

        Each crossing is logged in the room as a ``geofence:event``, and everybody there is told. Add the fences before
        the server starts, and who was inside when a former one ended is known to be there.

        Raises:
            ImportError: ``shapely`` is not installed.
        """
        return self._geofences.fences(room_id)

    # Lifecycle

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ServerStartError: the address cannot be listened on, or the server listens already.
        """
        if self._server is not None:
            raise ServerStartError(f"this server listens already, on {self.url}")
        # The port first: who finds it taken must not have taken the database from the server that has both.
        server = await self._bind()
        try:
            await self._start_engine()
        except BaseException:
            server.close()
            await server.wait_closed()
            raise
        try:
            await self._begin(server)
        except OSError as error:  # another one bound the address too, and was the first to listen
            await self.stop()
            raise ServerStartError(_explain(error, self._host, self._port)) from error

    async def _begin(self, server: Server) -> None:
        self._surroundings = Surroundings(
            namespaces=self._namespaces,
            authenticator=self._authenticator,
            deadlines=Deadlines(asyncio.get_running_loop()),
            counters=self._counters,
            rng=self._rng,
            max_payload=self._max_payload,
            **self._timing,
        )
        self._server = server
        await server.start_serving()

    async def _start_engine(self) -> None:
        await self._engine.start(self._rooms.deliver)
        try:
            await self._geofences.start()
            await self._pushes.start(self._engine)
        except BaseException:
            await self._engine.stop()
            raise

    async def _bind(self) -> Server:
        try:
            return await serve(
                self._serve,
                self._host,
                self._port,
                create_connection=self._create_connection,  # type: ignore[arg-type]
                process_request=self._process_request,
                compression=None,  # so that one frame serves all receivers
                ping_interval=None,  # Engine.IO has its own
                max_size=self._max_payload,
                write_limit=64 * 1024,
                server_header="realtime-lab",
                backlog=_PENDING_CONNECTS,
                start_serving=False,
            )
        except OSError as error:
            raise ServerStartError(_explain(error, self._host, self._port)) from error

    async def stop(self) -> None:
        """Tell every client that the server goes (1001), close everything, and wait for it, within a bound.

        Calling it on a server that does not run is harmless.
        """
        if self._server is None or self._surroundings is None:
            return
        server, surroundings, self._port = self._server, self._surroundings, self.port
        self._server = self._surroundings = None
        server.close(close_connections=False)
        for namespace in self._namespaces.values():
            namespace.clear("server stopping")
        self._presence.stop(new_id(self._rng))
        self._locations.clear()
        self._geofences.stop()
        for connection in tuple(self._live):
            if connection.is_listening:
                connection.end(CloseCode.GOING_AWAY, "server stopping")
            else:
                connection.transport.abort()
        surroundings.deadlines.close()
        for namespace in self._namespaces.values():
            await namespace.events.stop()
        await self._pushes.stop()
        await server.wait_closed()
        await self._engine.stop()
        self._receipts.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _create_connection(self, protocol: ServerProtocol, server: Server, **options: Any) -> ServerConnection:
        return ServerConnection(
            protocol,
            server,
            live=self._live,
            max_backlog=self._max_backlog,
            close_timeout_s=self._close_timeout_s,
            **options,
        )

    def _process_request(
        self, _: WebSocketConnection, request: Request
    ) -> Response | Awaitable[Response | None] | None:
        response = self._endpoints.answer(request)
        if response is not None:
            return response
        wait_s = self._admission.knock(asyncio.get_running_loop().time())
        if wait_s is None:
            self._counters.handshakes += 1
            return None
        self._counters.handshakes_refused += 1
        return come_again(wait_s)

    async def _serve(self, connection: WebSocketConnection) -> None:
        assert isinstance(connection, ServerConnection)
        if self._surroundings is not None:
            Peer(self._surroundings, connection).open()
            await connection.gone()

    def _health(self) -> Mapping[str, Any]:
        return {"status": "ok", **msgspec.structs.asdict(self.stats)}


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _moment_later(tell: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(TELL_AFTER_S, tell)


def _check_above_zero(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:
            raise ValueError(f"{name} must be above zero, not {value}")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{host}:{port} is taken by another program; choose another port, or port=0 for any free one"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"
