"""When to dial, to wait, to hang up (pure): the whole life of a client's connections."""

from __future__ import annotations

import math

from realtime.connection.actions import Action, Announce, Dial, Farewell, HangUp, Probe, Settle, TellAppState
from realtime.connection.app_state import AppStateValue, BackgroundPolicy
from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import ConnectError, ConnectionLost, ConnectRefused, ConnectTimeout
from realtime.connection.net_info import NetStatus, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy

APP_BACKGROUND = "app background"
IO_CLIENT_DISCONNECT = "io client disconnect"
IO_SERVER_DISCONNECT = "io server disconnect"
NETWORK_OFFLINE = "network offline"


class Lifecycle:
    """Decides about connections, one at a time; every input returns the actions to take, in order.

    The driver reports what happens (:meth:`connected`, :meth:`failed`, :meth:`lost`), what is wished
    (:meth:`connect`, :meth:`disconnect`) and what the device says (:meth:`app_changed`, :meth:`net_changed`), calls
    :meth:`handle_timer` at :meth:`next_timer`, and does what it is told. After a :class:`HangUp` it must report
    nothing more of that connection.

    Args:
        address: the server, as error messages shall name it.
        strategy: when to try again; None never does.
        background: what happens to the connection while the app is in the background.
        connection_timeout_s: bound of each attempt, and the limit of a caller who waits, in seconds.

    Raises:
        ValueError: the timeout is not positive.
    """

    def __init__(
        self,
        *,
        address: str,
        strategy: ReconnectionStrategy | None,
        background: BackgroundPolicy,
        connection_timeout_s: float,
    ) -> None:
        if not connection_timeout_s > 0:
            raise ValueError(f"connection_timeout_s must be a positive number of seconds, not {connection_timeout_s!r}")
        self.stage = ""
        """What the present attempt is waiting for, in words; kept up to date by the driver."""
        self._address = address
        self._strategy = strategy
        self._background = background
        self._limit_s = connection_timeout_s
        self._actions: list[Action] = []
        self._state = ConnectionState.DISCONNECTED
        self._app = AppStateValue.ACTIVE
        self._app_since = 0.0
        self._net = NetStatus(is_connected=True, type=NetType.UNKNOWN)
        self._session_was_told = False  # of the app's state; a session that was not believes it active
        self._waiters: dict[object, float] = {}  # callers of connect(), and until when they wait
        self._told: set[object] = set()  # callers for whom alone it connected, and who do not go on yet
        self._persistent = False  # keep trying even if nobody waits
        self._was_connected = False
        self._attempt_until: float | None = None
        self._retry_at: float | None = None
        self._retry_delay_s: float | None = None
        self._not_before = -math.inf  # the server asked to be left alone until then
        self._last_error: ConnectError | None = None
        self._reason: str | None = None

    @property
    def state(self) -> ConnectionState:
        """Where the client stands with its server."""
        return self._state

    @property
    def attempt(self) -> int:
        """Retries since the last stable connection."""
        return 0 if self._strategy is None else self._strategy.attempts

    @property
    def next_attempt_at_s(self) -> float | None:
        """When the next attempt begins, or None if none is scheduled."""
        return self._retry_at

    @property
    def next_delay_s(self) -> float | None:
        """How long that wait was when it began, in seconds."""
        return self._retry_delay_s

    @property
    def reason(self) -> str | None:
        """Why the last connection ended."""
        return self._reason

    # --- what is wished

    def connect(self, now: float, waiter: object | None = None) -> list[Action]:
        """Someone wants a connection.

        Args:
            now: the time.
            waiter: settled when connected, or after ``connection_timeout_s``; None waits for nothing and wants the
                client to keep trying for ever.
        """
        if self._state is ConnectionState.CONNECTED:
            if waiter is None:
                self._told.clear()
                return []
            if self._told:
                self._told.add(waiter)
            return [Settle(waiter, None)]
        if waiter is None:
            self._persistent = True
        else:
            self._waiters[waiter] = now + self._limit_s
        if self._state is ConnectionState.DISCONNECTED:
            self._was_connected = False
            self._last_error = None
            self._not_before = -math.inf
            if self._strategy is not None:
                self._strategy.reset()
            if self._permitted(now):
                self._enter(ConnectionState.CONNECTING)
                self._dial(now)
            else:
                self._enter(ConnectionState.SUSPENDED)
        elif self._retry_at is not None:
            self._try_at_once(now)
        return self._take()

    def forget(self, now: float, waiter: object) -> list[Action]:
        """A caller of :meth:`connect` no longer waits: what was done only for it ends.

        It may have been settled already, if it was cancelled before it could go on.
        """
        if waiter in self._told:
            self._told.discard(waiter)
            return [] if self._told else self.disconnect(now)
        if self._waiters.pop(waiter, None) is not None and not self._wanted():
            self._end_attempts()
            self._enter(ConnectionState.DISCONNECTED)
        return self._take()

    def taken(self) -> None:
        """A caller of :meth:`connect` goes on with the connection: it stays until :meth:`disconnect`."""
        self._told.clear()

    def disconnect(self, now: float) -> list[Action]:
        """Nobody wants a connection any more."""
        if self._state is ConnectionState.DISCONNECTED:
            return []
        self._end(now, ConnectionState.DISCONNECTED, IO_CLIENT_DISCONNECT, Farewell.GOODBYE)
        self._settle(ConnectionLost(IO_CLIENT_DISCONNECT))
        self._persistent = False
        self._told.clear()
        return self._take()

    # --- what happens to the connection

    def connected(self, now: float, *, recovered: bool) -> list[Action]:
        """The attempt succeeded.

        Args:
            now: the time.
            recovered: whether the server continues the previous session, and so remembers what it was told.
        """
        again = self._state is ConnectionState.RECONNECTING
        attempt = max(1, self.attempt)
        self._attempt_until = None
        self._told = set() if self._persistent else set(self._waiters)
        self._was_connected = self._persistent = True
        if self._strategy is not None:
            self._strategy.connected(now)
        self._enter(ConnectionState.CONNECTED)
        self._act(Announce("connect"))
        if again:
            self._act(Announce("reconnect", (attempt,)))
        self._settle(None)
        if not recovered:
            self._session_was_told = False
        self._tell_app_state()
        return self._take()

    def failed(self, now: float, error: ConnectError) -> list[Action]:
        """The attempt failed by itself; a :class:`ConnectRefused` without ``retry_after_s`` is final."""
        self._note_failure(now, error)
        if isinstance(error, ConnectRefused) and error.retry_after_s is None:
            self._give_up(error)
        else:
            self._go_on(now, error)
        return self._take()

    def lost(self, now: float, reason: str) -> list[Action]:
        """The connection ended, not by our wish."""
        if self._strategy is None or reason == IO_SERVER_DISCONNECT:
            self._end(now, ConnectionState.DISCONNECTED, reason, None)
            self._persistent = False
        else:
            self._end(now, ConnectionState.RECONNECTING, reason, None)
            self._schedule(now, None)
        return self._take()

    # --- what the device says

    def app_changed(self, now: float, value: AppStateValue) -> list[Action]:
        """The app went to, or came from, the background."""
        if value is self._app:
            return []
        before, self._app, self._app_since = self._app, value, now
        if value is AppStateValue.BACKGROUND:
            if self._state is ConnectionState.CONNECTED:
                self._tell_app_state()
            if not self._permitted(now):
                self._suspend(now, APP_BACKGROUND, Farewell.CLOSE)
        elif before is AppStateValue.BACKGROUND:
            if self._state is ConnectionState.CONNECTED:
                self._act(Probe())
                self._tell_app_state()
            else:
                self._resume(now)
        return self._take()

    def net_changed(self, now: float, status: NetStatus) -> list[Action]:
        """The device reported its network."""
        other_network = status.is_connected and self._net.is_connected and status.type is not self._net.type
        self._net = status
        if not status.is_connected:
            self._suspend(now, NETWORK_OFFLINE, Farewell.DROP)
        elif self._state is ConnectionState.CONNECTED:
            self._act(Probe())
        elif other_network and self._attempt_until is not None:
            # Its packets leave by an interface that may be gone: it could only fail at its bound.
            self._act(HangUp(None, Farewell.DROP))
            self._note_failure(now, ConnectError(f"{self._address}: the network changed during the attempt"))
            self._try_at_once(now)
        else:
            self._resume(now)
        return self._take()

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, or None for never."""
        is_awaited = self._attempt_until is not None or self._retry_at is not None or self._waiters
        if not is_awaited and self._app is not AppStateValue.BACKGROUND:
            return None
        due = min(
            math.inf if self._attempt_until is None else self._attempt_until,
            math.inf if self._retry_at is None else self._retry_at,
            self._kept_until() if self._state not in _WITHOUT_CONNECTION else math.inf,
            *self._waiters.values(),
            math.inf,
        )
        return None if math.isinf(due) else due

    def handle_timer(self, now: float) -> list[Action]:
        """Do what is due at ``now``."""
        if not self._permitted(now):
            self._suspend(now, APP_BACKGROUND, Farewell.CLOSE)
        if self._attempt_until is not None and now >= self._attempt_until:
            error = ConnectTimeout(f"{self._address} did not answer within {self._limit_s:g} s: {self.stage}")
            self._act(HangUp(None, Farewell.DROP))
            self._note_failure(now, error)
            self._go_on(now, error)
        self._expire_waiters(now)
        if self._retry_at is not None and now >= self._retry_at:
            self._dial(now)
        return self._take()

    # --- how

    def _permitted(self, now: float) -> bool:
        return self._net.is_connected and now < self._kept_until()

    def _kept_until(self) -> float:
        return self._app_since + self._background.keep_s if self._app is AppStateValue.BACKGROUND else math.inf

    def _wanted(self) -> bool:
        return self._persistent or bool(self._waiters)

    def _dial(self, now: float) -> None:
        self._retry_at = self._retry_delay_s = None
        self._attempt_until = now + self._limit_s
        self.stage = ""
        self._act(Dial())

    def _go_on(self, now: float, error: ConnectError) -> None:
        """After a failed attempt: callers whose time is up leave first, and nothing is scheduled for nobody."""
        self._expire_waiters(now)
        if self._state is not ConnectionState.DISCONNECTED:
            self._schedule(now, error)

    def _schedule(self, now: float, error: ConnectError | None) -> None:
        if self._strategy is None:
            assert error is not None
            self._give_up(error)
            return
        delay_s = self._strategy.next_delay(retry_after_s=None if error is None else error.retry_after_s)
        if delay_s is None:
            message = f"gave up on {self._address} after {self.attempt} attempts; last failure: {self._last_error}"
            self._give_up(ConnectError(message))
        else:
            self._wait(now, delay_s)

    def _try_at_once(self, now: float) -> None:
        if self._strategy is not None:
            self._strategy.restart()
        self._wait(now, 0.0)

    def _wait(self, now: float, delay_s: float) -> None:
        self._retry_delay_s = max(delay_s, self._not_before - now)
        self._retry_at = now + self._retry_delay_s
        self._act(Announce("reconnect_attempt", (max(1, self.attempt), self._retry_delay_s)))
        if self._retry_delay_s <= 0:
            self._dial(now)

    def _suspend(self, now: float, reason: str, farewell: Farewell) -> None:
        if self._state not in _WITHOUT_CONNECTION:
            self._end(now, ConnectionState.SUSPENDED, reason, farewell)

    def _resume(self, now: float) -> None:
        if self._state is ConnectionState.SUSPENDED and self._permitted(now):
            self._enter(ConnectionState.RECONNECTING if self._was_connected else ConnectionState.CONNECTING)
            self._try_at_once(now)
        elif self._retry_at is not None:
            self._try_at_once(now)

    def _end(self, now: float, state: ConnectionState, reason: str, farewell: Farewell | None) -> None:
        """Leave whatever there is of a connection for ``state``; without ``farewell`` it is gone already."""
        was_connected = self._state is ConnectionState.CONNECTED
        if was_connected and farewell is not None:
            self._act(HangUp(reason, farewell))
        elif self._attempt_until is not None:
            self._act(HangUp(reason, Farewell.DROP))
        self._attempt_until = self._retry_at = self._retry_delay_s = None
        if self._strategy is not None:
            self._strategy.lost(now)
        self._enter(state)
        if was_connected:
            self._reason = reason
            self._act(Announce("disconnect", (reason,)))

    def _note_failure(self, now: float, error: ConnectError) -> None:
        self._attempt_until = None
        self._last_error = error
        if error.retry_after_s is not None and self._strategy is not None:
            self._not_before = now + self._strategy.heeded_s(error.retry_after_s)
        self._act(Announce("connect_error", (error,)))

    def _expire_waiters(self, now: float) -> None:
        expired = [waiter for waiter, until in self._waiters.items() if until <= now]
        if not expired:
            return
        error = ConnectTimeout(
            f"no connection to {self._address} within {self._limit_s:g} s; last failure: {self._obstacle()}"
        )
        for waiter in expired:
            del self._waiters[waiter]
        if not self._wanted():
            self._end_attempts()
            self._enter(ConnectionState.DISCONNECTED)
        for waiter in expired:
            self._act(Settle(waiter, error))

    def _obstacle(self) -> str:
        if not self._net.is_connected:
            return "the device is offline"
        if self._state is ConnectionState.SUSPENDED:
            return "the app is in the background"
        return str(self._last_error or self.stage)

    def _end_attempts(self) -> None:
        if self._attempt_until is not None:
            self._act(HangUp(None, Farewell.DROP))
        self._attempt_until = self._retry_at = self._retry_delay_s = None

    def _give_up(self, error: ConnectError) -> None:
        was_retrying = self._was_connected or self.attempt > 0
        self._end_attempts()
        self._enter(ConnectionState.DISCONNECTED)
        self._persistent = False
        if was_retrying:
            self._act(Announce("reconnect_failed", (error,)))
        self._settle(error)

    def _settle(self, error: Exception | None) -> None:
        for waiter in self._waiters:
            self._act(Settle(waiter, error))
        self._waiters.clear()

    def _tell_app_state(self) -> None:
        """After each change, and after a recovery: the last word may have died with its connection."""
        in_background = self._app is AppStateValue.BACKGROUND
        if in_background or self._session_was_told:
            self._session_was_told = True
            self._act(TellAppState(AppStateValue.BACKGROUND if in_background else AppStateValue.ACTIVE))

    def _enter(self, state: ConnectionState) -> None:
        if state is not self._state:
            self._state = state
            self._act(Announce("state_change", (state,)))

    def _act(self, action: Action) -> None:
        self._actions.append(action)

    def _take(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions


_WITHOUT_CONNECTION = (ConnectionState.DISCONNECTED, ConnectionState.SUSPENDED)
