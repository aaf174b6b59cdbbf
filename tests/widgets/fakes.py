"""A phone without a network: it notes what a widget asks of it, and its state is set by the test."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from msgspec import structs

from realtime.chat.message import Message, MessageStatus, RoomState
from realtime.connection.app_state import AppState
from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState
from realtime.lab.network_control import NetworkSample
from realtime.location.fix import Fix, LocationState
from realtime.network.figures import figures
from realtime.network.link import LinkConditions
from realtime.network.profiles import load_profiles
from realtime.notifications.in_app_notifications import NotificationsState
from realtime.notifications.notification import Notification
from realtime.notifications.notification_queue import Entry, Status
from realtime.notifications.permission import PermissionStatus
from realtime.notifications.push_notification_handler import PushState
from realtime.notifications.quiet_hours import QuietHours
from realtime.presence.online_status_sync import OwnStatus
from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import Member, UserStatus
from realtime.utils.event_emitter import EventEmitter
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


class FakePresence:
    """Who is where, as the test says; what is chosen and who is followed is noted in ``asked``."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.own: Observable[OwnStatus] = Observable(OwnStatus("online"))
        self.users: Observable[Mapping[str, UserStatus]] = Observable({})
        self.chosen = "online"
        self.followed: dict[str, None] = {}
        self._rooms: dict[str, Observable[RoomPresence]] = {}

    def room(self, room_id: str) -> Observable[RoomPresence]:
        return self._rooms.setdefault(room_id, Observable(RoomPresence(room_id, synced=True)))

    def set_status(self, status: str, text: Any = ...) -> None:
        self.asked.append(("status", status) if text is ... else ("status", status, text))
        self.chosen = status
        self.own.set(OwnStatus(status, self.own.snapshot.text if text is ... else text))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        return tuple(self.followed)

    def subscribe(self, user_ids: Iterable[str]) -> None:
        self.asked.append(("subscribe", *user_ids))
        self.followed |= dict.fromkeys(user_ids)

    def unsubscribe(self, user_ids: Iterable[str]) -> None:
        self.asked.append(("unsubscribe", *user_ids))
        for user_id in user_ids:
            del self.followed[user_id]


def member(user_id: str, device_id: str | None = None, **changes: Any) -> Member:
    """A member of a room, on a device of its user's name unless said otherwise."""
    return Member(user_id, device_id or user_id, **{"since": 1_700_000_000_000, **changes})


class FakeNotifications(EventEmitter):
    """Notifications as the test says; what the user does with them is noted in ``asked``."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.state: Observable[PushState] = Observable(
            PushState(permission=PermissionStatus.GRANTED, is_registered=True)
        )
        self.in_app = SimpleNamespace(state=Observable(NotificationsState()))
        self.quiet: QuietHours | None = None

    def show(self, *entries: Entry, tray: Iterable[Notification] = ()) -> None:
        """These are inside the app, oldest first, and those in the system's tray."""
        shown = tuple(tray)
        self.in_app.state.set(NotificationsState(entries))
        badge = len(shown) + self.in_app.state.snapshot.unread
        self.state.set(structs.replace(self.state.snapshot, tray=shown, badge=badge))

    def __getattr__(self, name: str) -> Any:
        if name not in {"open", "read", "dismiss", "clear"}:
            raise AttributeError(name)
        return lambda *ids: self.asked.append((name, *ids))


def notification(n: int, title: str = "Your tram", **changes: Any) -> Notification:
    """Notification number ``n``."""
    return Notification(id=f"n{n}", title=title, **changes)


def entry(n: int, title: str = "Your tram", *, status: str = "shown", **changes: Any) -> Entry:
    """Notification number ``n`` inside the app, where it came ``n`` seconds after the first."""
    at_ms = 1_700_000_000_000 + 1000 * n
    is_open = status in ("waiting", "shown")
    return Entry(
        notification=notification(n, title, **changes),
        status=Status(status),
        received_ms=at_ms,
        shown_ms=None if status == "waiting" else at_ms,
        ended_ms=None if is_open else at_ms + 500,
    )


class FakePhone:
    """The part of a lab's phone that widgets use."""

    def __init__(self, name: str = "ana") -> None:
        self.name = self.user_id = name
        self.chat = FakeChat()
        self.socket = SimpleNamespace(connection_state=Observable(connection()))
        self.presence = FakePresence()
        self.location = SimpleNamespace(state=Observable(LocationState()))
        self.notifications = FakeNotifications()
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
