"""What happened in a lab, as tidy frames with units in their columns."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message
from realtime.connection.app_state import AppState
from realtime.connection.socket_manager import SocketManager
from realtime.lab.network_control import NetworkSample
from realtime.lab.record_tables import COLUMNS, frame
from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.network.access_link import LinkSample
from realtime.network.units import MS, NS
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.notification import Notification
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.presence.presence_tracker import PresenceTracker
from realtime.presence.wire import Member
from realtime.utils import ambient
from realtime.utils.event_emitter import EventSource

if TYPE_CHECKING:
    import pandas as pd

    from realtime.lab.phone import Phone

LIMIT = 100_000  # rows per table; the oldest go

_PRESENCE_EVENTS = ("join", "change", "leave")
_IN_APP_EVENTS = ("shown", "expired", "dismissed", "read")
_CONNECTION_EVENTS = ("connect", "disconnect", "connect_error", "reconnect_attempt", "reconnect", "reconnect_failed")


@dataclass(slots=True)
class _Letter:
    """A message, as far as the recorder knows it."""

    sender: str | None
    message: Message
    receivers: frozenset[str]
    sent_s: float | None
    acked_s: float | None = None
    acked_ms: int | None = None
    sent_ms: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)

    @property
    def status(self) -> str:
        """In the sender's words; what came from outside of the lab has been sent."""
        return "sent" if self.sender is None else self.message.status.value

    @property
    def latency_s(self) -> float | None:
        """From the send to its acknowledgement."""
        return None if self.sent_s is None or self.acked_s is None else self.acked_s - self.sent_s


class Recorder:
    """Listens to phones and keeps what they tell, up to a bound.

    The phones tell it on their loop's thread; ask for frames on any.

    Args:
        clock: seconds since the lab began.
        receivers: the names of the phones that are in a room now.
        limit: rows per table.
    """

    def __init__(
        self, clock: Callable[[], float], *, receivers: Callable[[str], Iterable[str]], limit: int = LIMIT
    ) -> None:
        self._clock = clock
        self._receivers = receivers
        self._limit = limit
        self._lock = threading.Lock()
        self._letters: dict[tuple[str, str], _Letter] = {}  # by room and message id, oldest first
        self._tables: dict[str, deque[tuple[Any, ...]]] = {name: deque(maxlen=limit) for name in COLUMNS}
        self._radio_on: dict[str, tuple[float, float]] = {}  # by phone: when it was asked last, and how long it was on
        self._subscriptions: dict[str, list[Callable[[], object]]] = {}

    # -- told by the lab, on the loop's thread

    def watch(self, phone: Phone) -> None:
        """Record what happens at a phone of a live lab, until :meth:`unwatch`."""
        samples = phone.network.samples

        def sampled(taken: Sequence[NetworkSample]) -> None:
            self.sampled(phone.name, taken[-1])
            self.sampled_link(phone.name, phone.proxy.sample())

        self.watch_parts(phone.name, phone.socket, phone.chat.client, phone.location.tracker, phone.app_state)
        self.watch_people(phone.name, phone.presence.tracker, phone.notifications.handler, phone.notifications.in_app)
        self._subscriptions[phone.name].append(samples.observe(sampled))

    def watch_parts(
        self, name: str, socket: SocketManager, chat: ChatClient, tracker: LiveLocationTracker, app_state: AppState
    ) -> None:
        """Record what happens in an app, until :meth:`unwatch`; say :meth:`sent` and the samples yourself."""
        self.unwatch(name)
        self._subscriptions[name] = [app_state.observe(lambda value: self.acted(name, value.value, ""))]
        handlers: list[tuple[EventSource, str, Callable[..., None]]] = [
            *((socket, event, partial(self._connection_event, name, event)) for event in _CONNECTION_EVENTS),
            (socket, "state_change", lambda state: self._add("states", name, *self._now(), state.value)),
            (chat, "message", partial(self._received, name)),
            (chat, "message_delivered", partial(self._delivered, name)),
            (chat, "message_failed", partial(self._failed, name)),
            (tracker, "update", partial(self._moved, name)),
        ]
        self._listen(name, handlers)

    def watch_people(
        self, name: str, tracker: PresenceTracker, push: PushNotificationHandler, in_app: InAppNotifications
    ) -> None:
        """Record also who comes and goes, and what the app's user is told, until :meth:`unwatch`."""
        handlers: list[tuple[EventSource, str, Callable[..., None]]] = [
            *((tracker, event, partial(self._came_or_went, name, event)) for event in _PRESENCE_EVENTS),
            *((push, event, partial(self._notified, name, event)) for event in ("received", "opened")),
            *((in_app, event, partial(self._notified, name, event)) for event in _IN_APP_EVENTS),
        ]
        self._listen(name, handlers)

    def unwatch(self, name: str) -> None:
        """End :meth:`watch`; harmless for a phone that is not watched."""
        for end in self._subscriptions.pop(name, ()):
            end()

    def sent(self, name: str, message: Message) -> None:
        """A phone sends a message."""
        receivers = frozenset(self._receivers(message.room_id)) - {name}
        self._keep(_Letter(name, message, receivers, self._clock(), sent_ms=ambient.wall_time_ms()))
        self._note(name, "send", message.text, message)

    def acted(self, name: str, event: str, detail: str) -> None:
        """Somebody did something to a phone."""
        self._note(name, event, detail)

    def sampled(self, name: str, s: NetworkSample) -> None:
        """What a phone's connection did lately."""
        at_ms = ambient.wall_time_ms()
        self._add("link_samples", name, s.t_s, at_ms, s.rtt_ms, s.up_bps, s.down_bps, s.state, s.queued, s.unacked)

    def sampled_link(self, name: str, sample: LinkSample) -> None:
        """What a phone's access link is like now."""
        self._add("links", name, *self._now(), *_link_row(sample))
        with self._lock:
            self._radio_on[name] = (self._clock(), sample.radio_on_ns / NS)

    # -- asked by people, on any thread

    def to_frame(self) -> pd.DataFrame:
        """The timeline: one row per event, oldest first. Positions and link samples have tables of their own."""
        return frame("timeline", self._rows("timeline"))

    def messages(self) -> pd.DataFrame:
        """One row per message that a phone sent or received; ``phone`` is None for those from outside of the lab."""
        with self._lock:
            rows = [_message_row(letter) for letter in self._letters.values()]
        return frame("messages", rows)

    def deliveries(self) -> pd.DataFrame:
        """One row per call of a receiving phone's ``message`` handlers; ``latency_s`` is from the send."""
        return frame("deliveries", self._rows("deliveries"))

    def delivery_report(self) -> pd.DataFrame:
        """One row per message that a phone sent.

        ``expected`` counts the other phones that were in the room at the send, ``delivered`` and ``missing`` those of
        them that did and did not get it, ``duplicates`` every delivery to a phone after its first.
        """
        with self._lock:
            rows = [_report_row(letter) for letter in self._letters.values() if letter.sender is not None]
        return frame("report", rows)

    def states(self) -> pd.DataFrame:
        """One row per change of a connection's state."""
        return frame("states", self._rows("states"))

    def positions(self) -> pd.DataFrame:
        """One row per position and phone that learnt of it; ``user`` was there."""
        return frame("positions", self._rows("positions"))

    def presence(self) -> pd.DataFrame:
        """One row per ``join``, ``change`` and ``leave`` of a member of a room, and phone that learnt of it."""
        return frame("presence", self._rows("presence"))

    def notifications(self) -> pd.DataFrame:
        """One row per thing that happened to a notification on a phone.

        ``received`` and ``opened`` are of any, ``shown``, ``read``, ``dismissed`` and ``expired`` of those inside the
        app.
        """
        return frame("notifications", self._rows("notifications"))

    def link_samples(self) -> pd.DataFrame:
        """One row per phone and half second: see :class:`~realtime.lab.network_control.NetworkSample`."""
        return frame("link_samples", self._rows("link_samples"))

    def links(self) -> pd.DataFrame:
        """One row per sample of a phone's access link: see :class:`~realtime.network.access_link.LinkSample`.

        No rate is an unlimited one; ``rtt_ms`` is what the link alone takes for both ways.
        """
        return frame("links", self._rows("links"))

    def radio(self) -> pd.DataFrame:
        """One row per phone: how long its radio has been on by ``t_s``, the dearest part of a phone's network."""
        with self._lock:
            rows = [(name, *figures) for name, figures in self._radio_on.items()]
        return frame("radio", rows)

    # -- told by the phones

    def _connection_event(self, name: str, event: str, *args: object) -> None:
        self._note(name, event, ", ".join(map(str, args)))

    def _received(self, name: str, message: Message) -> None:
        letter = self._letters.get((message.room_id, message.message_id))
        if letter is None:
            letter = self._keep(_Letter(None, message, frozenset(), None, sent_ms=message.timestamp_ms))
        now_s = self._clock()
        latency_s = None if letter.sent_s is None else now_s - letter.sent_s
        with self._lock:
            letter.deliveries[name] += 1
        place = (message.room_id, message.message_id, message.user_id)
        self._add("deliveries", name, *place, letter.sent_s, *self._now(), latency_s, message.offset)
        self._note(name, "message", message.text, message)

    def _delivered(self, name: str, message: Message) -> None:
        letter = self._letters.get((message.room_id, message.message_id))
        if letter is not None:
            with self._lock:
                letter.message, letter.acked_s, letter.acked_ms = message, self._clock(), ambient.wall_time_ms()
        self._note(name, "message_delivered", message.text, message)

    def _failed(self, name: str, message: Message) -> None:
        letter = self._letters.get((message.room_id, message.message_id))
        if letter is not None:
            with self._lock:
                letter.message = message
        reason = "" if message.error is None else f"{message.error}: "
        self._note(name, "message_failed", reason + message.text, message)

    def _moved(self, name: str, user_id: str, fix: Fix) -> None:
        place = (fix.latitude, fix.longitude, fix.accuracy_m, fix.speed_mps, fix.heading_deg)
        self._add("positions", name, user_id, *self._now(), *place, fix.timestamp_ms)

    def _came_or_went(self, name: str, event: str, room_id: str, member: Member) -> None:
        who = (member.user_id, member.device_id, member.status, member.text)
        self._add("presence", name, *self._now(), room_id, event, *who)

    def _notified(self, name: str, event: str, each: Notification) -> None:
        what = (each.id, each.title, each.room_id, each.priority.name)
        self._add("notifications", name, *self._now(), event, *what)
        if event == "opened":
            self._note(name, event, each.title)

    # -- keeping

    def _listen(self, name: str, handlers: Iterable[tuple[EventSource, str, Callable[..., None]]]) -> None:
        for source, event, handler in handlers:
            source.on(event, handler)
            self._subscriptions[name].append(partial(source.off, event, handler))

    def _now(self) -> tuple[float, int]:
        return self._clock(), ambient.wall_time_ms()

    def _note(self, name: str, event: str, detail: str, message: Message | None = None) -> None:
        place = (None, None) if message is None else (message.room_id, message.message_id)
        self._add("timeline", *self._now(), name, event, detail, *place)

    def _add(self, table: str, *row: Any) -> None:
        with self._lock:
            self._tables[table].append(row)

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return list(self._tables[table])

    def _keep(self, letter: _Letter) -> _Letter:
        with self._lock:
            self._letters[letter.message.room_id, letter.message.message_id] = letter
            if len(self._letters) > self._limit:
                del self._letters[next(iter(self._letters))]
        return letter


def _link_row(s: LinkSample) -> tuple[Any, ...]:
    return (
        *(s.up_rate_bps, s.down_rate_bps, s.rtt_ns / MS, s.up_loss, s.down_loss, s.is_down),
        *(s.radio, s.radio_on_ns / NS, s.up_backlog_bytes, s.down_backlog_bytes),
    )


def _message_row(letter: _Letter) -> tuple[Any, ...]:
    message = letter.message
    return (
        *(letter.sender, message.room_id, message.message_id, message.user_id, message.text, letter.status),
        *(letter.sent_s, letter.acked_s, letter.sent_ms, letter.acked_ms, letter.latency_s, message.offset),
    )


def _report_row(letter: _Letter) -> tuple[Any, ...]:
    message = letter.message
    delivered = sum(letter.deliveries[name] > 0 for name in letter.receivers)
    expected = len(letter.receivers)
    duplicates = sum(count - 1 for count in letter.deliveries.values() if count > 1)
    return (
        *(message.room_id, message.message_id, letter.sender, message.text, letter.status),
        *(expected, delivered, expected - delivered, duplicates),
    )
