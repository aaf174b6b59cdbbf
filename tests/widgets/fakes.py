"""A phone without a network: it notes what a widget asks of it, and its state is set by the test."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from realtime.chat.message import Message, MessageStatus, RoomState
from realtime.connection.app_state import AppState
from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState
from realtime.lab.network_control import NetworkSample
from realtime.location.fix import Fix, LocationState
from realtime.network.figures import figures
from realtime.network.link import LinkConditions
from realtime.network.profiles import load_profiles
from realtime.utils.observable import Observable


def connection(state: str = "connected", *, queued: int = 0, unacked: int = 0) -> ConnectionSnapshot:
    """As SocketManager shows it."""
    return ConnectionSnapshot(ConnectionState(state), rtt_s=0.07, queued=queued, unacked=unacked)


def message(n: int, text: str = "hi", *, user_id: str = "ben", **changes: Any) -> Message:
    """Message number ``n`` of the lobby, from ben unless said otherwise."""
    fields: dict[str, Any] = {
        "room_id": "lobby",
        "message_id": f"m{n}",
        "user_id": user_id,
        "text": text,
        "timestamp_ms": 1_700_000_000_000 + 1000 * n,
        "offset": n,
        "status": MessageStatus.RECEIVED,
    }
    return Message(**fields | changes)


class FakeChat:
    """Rooms whose state the test sets; what is sent is noted in ``asked``."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.changes: list[FakeSent] = []
        self.on_older: Callable[[], None] = lambda: None
        self._rooms: dict[str, Observable[RoomState]] = {}

    def room(self, room_id: str) -> Observable[RoomState]:
        return self._rooms.setdefault(room_id, Observable(RoomState(room_id=room_id)))

    def send(self, room_id: str, text: str, reply_to: str | None = None) -> None:
        self.asked.append(("send", room_id, text) if reply_to is None else ("send", room_id, text, reply_to))

    def typing(self, room_id: str, is_typing: bool) -> None:
        self.asked.append(("typing", room_id, is_typing))

    def discard(self, message_id: str) -> None:
        self.asked.append(("discard", message_id))

    def retry(self, message_id: str) -> None:
        self.asked.append(("retry", message_id))

    def edit(self, room_id: str, message_id: str, text: str) -> "FakeSent":
        return self._change("edit", message_id, text)

    def delete(self, room_id: str, message_id: str) -> "FakeSent":
        return self._change("delete", message_id)

    def react(self, room_id: str, message_id: str, emoji: str) -> "FakeSent":
        return self._change("react", message_id, emoji)

    def unreact(self, room_id: str, message_id: str, emoji: str) -> "FakeSent":
        return self._change("unreact", message_id, emoji)

    def mark_read(self, room_id: str, up_to: int) -> bool:
        self.asked.append(("read", room_id, up_to))
        return True

    def load_older(self, room_id: str, limit: int) -> bool:
        self.asked.append(("older", room_id, limit))
        self.on_older()
        return False

    def _change(self, *asked: Any) -> "FakeSent":
        self.asked.append(asked)
        self.changes.append(FakeSent())
        return self.changes[-1]


class FakeSent:
    """What becomes of a change: nothing, until the test says that it is refused."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return self.error is not None

    def wait(self, timeout_s: float | None = None) -> None:
        assert self.error is not None
        raise self.error


class FakePhone:
    """The part of a lab's phone that widgets use."""

    def __init__(self, name: str = "ana") -> None:
        self.name = self.user_id = name
        self.chat = FakeChat()
        self.socket = SimpleNamespace(connection_state=Observable(connection()))
        self.location = SimpleNamespace(state=Observable(LocationState()))
        self.network = FakeNetwork()
        self.app_state = AppState()

    def background(self) -> None:
        self.app_state.background()

    def foreground(self) -> None:
        self.app_state.foreground()


class FakeLab:
    """A lab with phones."""

    def __init__(self, *phones: FakePhone) -> None:
        self.phones = {phone.name: phone for phone in phones}


class FakeNetwork:
    """A network that changes at once and notes what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.samples: Observable[tuple[Any, ...]] = Observable(())
        self.state = "online"
        self.trace: str | None = None
        self._profile: str | None = "lte"
        self._conditions = load_profiles()["lte"].down

    @property
    def profile(self) -> str | None:
        return self._profile

    @profile.setter
    def profile(self, name: str) -> None:
        self.asked.append(("profile", name))
        self._profile, self._conditions = name, load_profiles()[name].down

    def conditions(self, direction: str) -> LinkConditions:
        return self._conditions

    def figures(self, direction: str) -> dict[str, float | None]:
        return figures(self._conditions, 0)

    def set(self, **values: float) -> None:
        self.asked.append(("set", values))
        self._profile = None

    def __getattr__(self, name: str) -> Any:
        if name not in {"offline", "online", "unplug", "replug", "reset"}:
            raise AttributeError(name)

        def act() -> None:
            self.asked.append((name,))
            self.state = {"offline": "offline", "unplug": "unplugged"}.get(name, "online")

        return act


def sample(
    t_s: float,
    rtt_ms: float | None = 115.0,
    state: str = "connected",
    *,
    waiting: int = 0,
    up_bps: float = 2_000.0,
    down_bps: float = 8_000.0,
) -> NetworkSample:
    """As the network control records it, twice a second."""
    return NetworkSample(t_s, rtt_ms, up_bps, down_bps, state, waiting, 0)


def fix(n: int, **changes: Any) -> Fix:
    """Fix number ``n`` of a walk to the north, one a second."""
    fields: dict[str, Any] = {
        "latitude": 59.92 + n / 10_000,
        "longitude": 10.73,
        "accuracy_m": 8.0,
        "timestamp_ms": 1_700_000_000_000 + 1000 * n,
        "speed_mps": 11.1,
    }
    return Fix(**fields | changes)
