"""The client's side of a session that outlives its connections."""

from __future__ import annotations

import asyncio
import random
import ssl as tls
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Self

from realtime.connection.address import shown_address, websocket_url
from realtime.connection.app_state import AppState, BackgroundPolicy
from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState
from realtime.connection.delivery import Delivery
from realtime.connection.driver import Auth, Driver
from realtime.connection.errors import AckTimeout, ConnectionLost
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.connection.lifecycle import Lifecycle
from realtime.connection.message_queue import MessageQueue, Outbox, QueuedMessage
from realtime.connection.net_info import NetInfo
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.web_socket import Route
from realtime.protocol.client_session import ClientSession
from realtime.utils import ambient
from realtime.utils.event_emitter import EventSource, Handler
from realtime.utils.observable import Observable

__all__ = ["ConnectionSnapshot", "ConnectionState", "SocketManager"]


class SocketManager(EventSource):
    """A Socket.IO client for devices that lose their network, sleep, and come back.

    Connect it with ``await connect()`` or ``async with``; from then on it reconnects by itself, with backoff, as often
    as it takes, except in the background (see ``background``), while the device is offline, or after the server ended
    the session. What is emitted meanwhile waits in the outbox. Use it on one event loop's thread.

    Besides the server's own events, :meth:`on` takes ``connect()``, ``disconnect(reason)``, ``connect_error(error)``
    for every failed attempt, ``reconnect_attempt(n, delay_s)`` when a retry is scheduled, ``reconnect(n)``,
    ``reconnect_failed(error)`` when it gives up, and ``state_change(state)``. The plain handlers of ``connect`` run
    before the outbox is written: what they emit with ``volatile=True`` goes out ahead of it.

    Args:
        url: ``http(s)://host[:port]`` or ``ws(s)://…`` of any Socket.IO server, version 3 or newer.
        auth: what the server judges the connection by, or a function, plain or ``async``, that makes it anew for each
            attempt.
        namespace: the Socket.IO namespace.
        reconnection: when to try again; False makes one attempt only.
        heartbeat: how to find out that the server is gone.
        queue: the outbox: in memory, or a :class:`~realtime.connection.disk_outbox.DiskOutbox`, which outlives the app.
        app_state: the app's state; may be shared with other managers.
        net_info: the device's network; may be shared with other managers.
        connection_timeout_s: bound of each attempt, and of all attempts together while ``connect()`` waits.
        background: what to do while the app is in the background.
        name: for people, in logs and ``repr``.
        rng: where the jitter of the default ``reconnection`` comes from.
        compression: ``deflate``, or None; small messages gain nothing by it, and it costs memory.
        extra_headers: HTTP headers of the opening handshake.
        path: where the server mounts Socket.IO.
        max_size: the largest frame to accept, in bytes.
        close_timeout_s: how long a goodbye may take, in seconds.
        ssl: for ``https``, what to trust instead of the system's certificates.

    Raises:
        ValueError: an argument makes no sense; the message names it.
        LocalProtocolError: the namespace or ``auth`` cannot be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth | None = None,
        namespace: str = "/",
        reconnection: ReconnectionStrategy | Literal[False] | None = None,
        heartbeat: HeartbeatMonitor | None = None,
        queue: Outbox | None = None,
        app_state: AppState | None = None,
        net_info: NetInfo | None = None,
        connection_timeout_s: float = 20.0,
        background: BackgroundPolicy = BackgroundPolicy.DISCONNECT,
        name: str | None = None,
        rng: random.Random | None = None,
        compression: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        path: str = "/socket.io/",
        max_size: int = 4 * 2**20,
        close_timeout_s: float = 3.0,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        ClientSession(namespace, None if callable(auth) else auth)  # finds mistakes now instead of at every attempt
        super().__init__()
        self.url = url
        self._address = shown_address(url)
        self.name = name
        self.app_state = AppState() if app_state is None else app_state
        self.net_info = NetInfo() if net_info is None else net_info
        self.connection_state = Observable(ConnectionSnapshot())
        if reconnection is None:
            reconnection = ReconnectionStrategy(rng=ambient.new_random() if rng is None else rng)
        self._life = Lifecycle(
            address=self._address,
            strategy=reconnection or None,
            background=background,
            connection_timeout_s=connection_timeout_s,
        )
        self._heartbeat = HeartbeatMonitor() if heartbeat is None else heartbeat
        self._delivery = Delivery(MessageQueue() if queue is None else queue, namespace=namespace)
        self._driver = Driver(
            life=self._life,
            delivery=self._delivery,
            heartbeat=self._heartbeat,
            events=self._events,
            route=Route(
                url=websocket_url(url, path=path),
                address=self._address,
                headers=extra_headers,
                compression=compression,
                max_size=max_size,
                ssl=ssl,
                close_timeout_s=close_timeout_s,
            ),
            namespace=namespace,
            auth=auth,
            changed=self._changed,
        )
        self._answers: dict[str, dict[Callable[[tuple[Any, ...], Any], object], None]] = {}
        self._unwatch: list[Callable[[], None]] = []
        self._publishing: asyncio.Handle | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        """The loop on which it lives: where it was connected last; None before."""

    def __repr__(self) -> str:
        return f"<SocketManager {self.name or self._address!r} {self.state.name} unacked={self._delivery.unacked}>"

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except asyncio.CancelledError:
            await self.disconnect()  # the connection may stand already, and __aexit__ is not called
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.disconnect()

    # --- the connection

    @property
    def state(self) -> ConnectionState:
        """Where this client stands with its server."""
        return self._life.state

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._life.state is ConnectionState.CONNECTED

    @property
    def recovered(self) -> bool:
        """Whether the newest connection continued the previous session, so that no event was missed in between."""
        return self._driver.recovered

    @property
    def queued_messages(self) -> tuple[QueuedMessage, ...]:
        """The outbox: what is not yet written, or not yet acknowledged, oldest first."""
        return self._delivery.messages

    async def connect(self, *, wait: bool = True) -> None:
        """Connect, and stay connected until :meth:`disconnect`. Harmless if connected.

        Args:
            wait: wait for the connection, for at most ``connection_timeout_s``, trying again with backoff in between;
                otherwise return at once and keep trying for ever.

        Raises:
            ConnectTimeout: no connection within the limit, and nobody else wants it: the client is disconnected.
            ConnectRefused: the server said no.
            ConnectError: the allowed attempts are used up.
            ConnectionLost: someone disconnected this client meanwhile.
        """
        loop = asyncio.get_running_loop()
        self._watch()
        if not wait:
            self._driver.perform(self._life.connect(loop.time()))
            return
        waiter: asyncio.Future[Exception | None] = loop.create_future()
        self._driver.perform(self._life.connect(loop.time(), waiter))
        try:
            error = await waiter
        except asyncio.CancelledError:
            self._driver.perform(self._life.forget(loop.time(), waiter))
            raise
        if error is not None:
            raise error
        self._life.taken()

    async def disconnect(self) -> None:
        """Say goodbye, and stop; harmless if disconnected. Takes at most ``close_timeout_s``, and a little.

        What is in the outbox stays there, for a later :meth:`connect`.
        """
        self._driver.perform(self._life.disconnect(asyncio.get_running_loop().time()))
        await self._driver.closed()

    async def measure_rtt(self) -> float:
        """Measure the round trip to the server and back, in seconds.

        Raises:
            ConnectionLost: there is no connection, or it ended first.
        """
        if (line := self._driver.line) is None:
            raise ConnectionLost(self._life.reason or "not connected")
        return await line.measure_rtt()

    def probe(self) -> None:
        """Find out within seconds whether the connection is alive, and reconnect if not; call it on any suspicion.

        Where the connection is lost and the next attempt waits, it is made now; a server's ``Retry-After`` is heeded.
        """
        if self._life.state is ConnectionState.RECONNECTING:
            self._driver.perform(self._life.connect(asyncio.get_running_loop().time()))
        else:
            self._driver.probe()

    def add_to_auth(self, key: str, make: Callable[[], Any]) -> Callable[[], None]:
        """Say something with each handshake: what follows it comes a round trip later.

        Args:
            key: of ``auth``; what the application itself passed there wins.
            make: called for each connection; None says nothing.

        Returns:
            A function that takes it away.
        """
        return self._driver.add_to_auth(key, make)

    # --- events

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler(*args)`` at every ``event``; see :class:`SocketManager` for the connection's own events.

        If the server asks for an acknowledgement, the first value other than None that a handler returns is sent, or an
        empty one once all handlers are done.
        """
        return super().on(event, handler)

    def emit(self, event: str, *args: Any, ack: bool = False, volatile: bool = False) -> Receipt:
        """Send an event, now or as soon as there is a connection.

        Args:
            event: its name.
            args: values that JSON can hold, and bytes anywhere inside.
            ack: keep the message in the outbox until the server acknowledges it, and write it again, in order and
                before newer ones, after each reconnection, and a while after the server answered ``storage_failed`` or
                ``rate_limited``. The server may so get it twice: put an id into it.
            volatile: write it now or drop it; with ``ack``, the question is lost with its connection.

        Returns:
            What becomes of it; need not be awaited.

        Raises:
            SendRefused: the outbox is full, or its disk fails, or the message is too large.
            LocalProtocolError: the message cannot be encoded.
        """
        now = asyncio.get_running_loop().time()
        receipt = self._delivery.submit(event, args, ack=ack, volatile=volatile, now=now, line=self._driver.line)
        if event in self._answers:
            receipt.add_done_callback(partial(self._answered, event, args))
        if not volatile:
            self._driver.flush()
            self._driver.arm()
        self._changed()
        return receipt

    def on_answer(self, event: str, handler: Callable[[tuple[Any, ...], Any], object]) -> Callable[[], None]:
        """Call ``handler(args, answer)`` whenever the server has acknowledged an ``event``, whoever emitted it.

        It holds for what is emitted from now on.

        Returns:
            Ends it.
        """
        handlers = self._answers.setdefault(event, {})
        handlers[handler] = None
        return lambda: handlers.pop(handler, None)

    def claim(
        self, event: str, wanted: Callable[[tuple[Any, ...]], bool] = lambda args: True
    ) -> list[tuple[QueuedMessage, Receipt]]:
        """What an earlier run of the app left in the outbox, oldest first, with what becomes of it.

        These messages go out by themselves. Each is given to the first who claims it; a refusal by the server is final
        for claimed ones only.

        Args:
            event: the event's name.
            wanted: tells by its arguments whether a message is wanted.
        """
        claimed = self._delivery.claim(event, wanted)
        if claimed:
            self._driver.flush()
        return claimed

    def retry(self, receipt: Receipt) -> None:
        """Write a message again, in its old place, that the server refused and whose receipt says that it waits."""
        self._delivery.retry(receipt)
        self._driver.flush()

    async def call(self, event: str, *args: Any, timeout_s: float = 10.0) -> Any:
        """Send an event and return the first argument of its acknowledgement.

        Raises:
            AckTimeout: no acknowledgement in ``timeout_s``; the message is taken out of the outbox.
            SendRefused: as :meth:`emit`.
        """
        receipt = self.emit(event, *args, ack=True)
        receipt.keeps_trying = False
        try:
            async with asyncio.timeout(timeout_s):
                return await receipt
        except TimeoutError:
            raise AckTimeout(
                f"{self._address} did not acknowledge {event!r} within {timeout_s:g} s; "
                "it may or may not have been applied"
            ) from None
        finally:
            receipt.discard()

    def _answered(self, event: str, args: tuple[Any, ...], receipt: Receipt) -> None:
        if receipt.status is ReceiptStatus.ACKED:
            for handler in tuple(self._answers[event]):
                handler(args, receipt.result())

    # --- what people see

    def _watch(self) -> None:
        """Mind the device as long as a connection is wanted."""
        if self._unwatch:
            return
        self.loop = asyncio.get_running_loop()
        self._driver.settle_in()
        now = self.loop.time
        perform, life = self._driver.perform, self._life
        perform(life.app_changed(now(), self.app_state.value))
        perform(life.net_changed(now(), self.net_info.snapshot))
        self._unwatch = [
            self.app_state.observe(lambda value: perform(life.app_changed(now(), value))),
            self.net_info.observe(lambda status: perform(life.net_changed(now(), status))),
        ]

    def _stop_watching(self) -> None:
        unwatch, self._unwatch = self._unwatch, []
        for stop in unwatch:
            stop()

    def _changed(self) -> None:
        """Publish a change of state now, and what changes with every message once per turn of the loop."""
        if self.state is not self.connection_state.snapshot.state:
            if self.state is ConnectionState.DISCONNECTED:
                self._stop_watching()
            self._publish()
        elif self._publishing is None:
            self._publishing = asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        snapshot = ConnectionSnapshot(
            state=self.state,
            since_s=self._driver.state_since_s,
            rtt_s=self._heartbeat.rtt_s,
            attempt=self._life.attempt,
            next_attempt_at_s=self._life.next_attempt_at_s,
            next_delay_s=self._life.next_delay_s,
            queued=self._delivery.queued,
            unacked=self._delivery.unacked,
            bytes_sent=self._driver.bytes_sent,
            bytes_received=self._driver.bytes_received,
            reason=self._life.reason,
        )
        if snapshot != self.connection_state.snapshot:
            self.connection_state.set(snapshot)
