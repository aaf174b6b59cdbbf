"""What happened at the applications' edge during a run: what the checkers judge.

A history knows nothing of packets and connections. It holds what the applications tried, what they were told,
and what they showed. Names of devices are the names under which their applications ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self, TypeAlias

import msgspec


class _Record(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Something that happened, ``t_s`` seconds after the start."""

    t_s: float


class Attempt(_Record, frozen=True, gc=False):
    """A device sends a message. ``content`` is whatever must be the same at its receivers."""

    sender: str
    room: str
    message_id: str
    content: str | None = None
    is_durable: bool = False


class Acked(_Record, frozen=True, gc=False):
    """The sender of a message was told that the server has it, and where in the room's log."""

    message_id: str
    offset: int


class Refused(_Record, frozen=True, gc=False):
    """The sender of a message was told that the server will never take it."""

    message_id: str
    reason: str


class Amended(_Record, frozen=True, gc=False):
    """From now on a message may be told with another content: its author changed it, or tried to."""

    message_id: str
    content: str


class Joined(_Record, frozen=True, gc=False):
    """A device is in a room, with the history that came with the join."""

    receiver: str
    room: str


class Delivery(_Record, frozen=True, gc=False):
    """An application was called back with a message of another device. ``sender`` is as it was told."""

    receiver: str
    room: str
    message_id: str
    offset: int
    sender: str
    content: str | None = None


class GapShown(_Record, frozen=True, gc=False):
    """A device says from now on that it lacks what stands between two offsets, and will not get it."""

    receiver: str
    room: str
    after: int
    before: int


class View(_Record, frozen=True, gc=False):
    """What a device shows of a room's log, in the order in which it shows it: pairs of offset and message id.

    Between the two offsets of a gap it says that there is something that it cannot show.
    """

    receiver: str
    room: str
    entries: tuple[tuple[int, str], ...]
    gaps: tuple[tuple[int, int], ...] = ()


class Logged(_Record, frozen=True, gc=False):
    """What the server's log of a room holds, oldest first: pairs of offset and message id; none up to ``horizon``."""

    room: str
    entries: tuple[tuple[int, str], ...]
    horizon: int = 0


class Killed(_Record, frozen=True, gc=False):
    """The process of a device ended without a word: what comes from this device later is another incarnation."""

    device: str


class Reconnect(_Record, frozen=True, gc=False):
    """A device connected again."""

    device: str


class FaultFired(_Record, frozen=True, gc=False):
    """A fault began."""

    name: str


class Healed(_Record, frozen=True, gc=False):
    """From now on no fault is in force."""


class Shown(_Record, frozen=True, gc=False):
    """An observer shows a subject as online, or as offline."""

    observer: str
    subject: str
    is_online: bool


class Reachable(_Record, frozen=True, gc=False):
    """The truth behind :class:`Shown`: whether packets pass between a subject and the server."""

    subject: str
    is_reachable: bool


class PositionAcked(_Record, frozen=True, gc=False):
    """A subject was told that the server has its fix."""

    subject: str
    timestamp_ms: int


class PositionShown(_Record, frozen=True, gc=False):
    """An observer shows a subject at the place of this fix."""

    observer: str
    subject: str
    timestamp_ms: int


class PositionGone(_Record, frozen=True, gc=False):
    """An observer shows a subject nowhere any more."""

    observer: str
    subject: str


class PositionEnded(_Record, frozen=True, gc=False):
    """A subject shares its position no more: what it measured up to this time need not be shown."""

    subject: str
    timestamp_ms: int


class Typed(_Record, frozen=True, gc=False):
    """A user presses keys in a room."""

    user: str
    room: str


class TypingShown(_Record, frozen=True, gc=False):
    """An observer shows a user as typing in a room, or not any more."""

    observer: str
    user: str
    room: str
    is_typing: bool


class Notified(_Record, frozen=True, gc=False):
    """A device shows its user a notification: inside the app (``app``), or on the lock screen (``push``)."""

    device: str
    names: tuple[str, ...]
    way: str


class Forgot(_Record, frozen=True, gc=False):
    """A device does not know any more what it has shown: its memory was all it had, or its disk lost it."""

    device: str


class Over(_Record, frozen=True, gc=False):
    """A device must not show this on its lock screen any more, ``within_s`` from now: it was seen to elsewhere."""

    device: str
    name: str
    within_s: float


class Cleared(_Record, frozen=True, gc=False):
    """A notification leaves the lock screen of a device."""

    device: str
    name: str


class Owed(_Record, frozen=True, gc=False):
    """Nobody looks at a device or at any other of its user: what is told there must come to its lock screen.

    ``within_s`` is how long that may take.
    """

    device: str
    name: str
    within_s: float


Record: TypeAlias = (
    Attempt
    | Acked
    | Refused
    | Amended
    | Joined
    | Delivery
    | GapShown
    | View
    | Logged
    | Killed
    | Reconnect
    | FaultFired
    | Healed
    | Shown
    | Reachable
    | PositionAcked
    | PositionShown
    | PositionGone
    | PositionEnded
    | Typed
    | TypingShown
    | Notified
    | Forgot
    | Owed
    | Over
    | Cleared
)


class History:
    """Collects records in the order in which it is told of them.

    Args:
        now_s: seconds since the start of the run; never goes back.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self.records: list[Record] = []
        self._now_s = now_s
        self._attempts: dict[str, Attempt] = {}

    def __repr__(self) -> str:
        if not self.records:
            return "<History empty>"
        return f"<History {len(self.records)} records until {self.records[-1].t_s:.3f} s>"

    # -- messages

    def attempt(
        self, sender: str, room: str, message_id: str, content: str | None = None, *, is_durable: bool = False
    ) -> None:
        """A device sends a message; say so before anything can come of it, and once, however often it is retried.

        Args:
            sender: the device.
            room: where to.
            message_id: no other message has it.
            content: what must be the same at every receiver, such as author and text; None is not compared.
            is_durable: it is on the device's disk: a process that is killed leaves it to the next one to send.

        Raises:
            ValueError: the id was used before.
        """
        record = Attempt(self._now_s(), sender, room, message_id, content, is_durable)
        earlier = self._attempts.setdefault(message_id, record)
        if earlier is not record:
            raise ValueError(
                f"message {message_id!r} was attempted before, by {earlier.sender} at {earlier.t_s:.3f} s; "
                "say attempt() once per message, and give each its own id"
            )
        self.records.append(record)

    def sender(self, message_id: str) -> str | None:
        """The device that sent a message; None: nobody did."""
        attempt = self._attempts.get(message_id)
        return None if attempt is None else attempt.sender

    def ok(self, message_id: str, offset: int) -> None:
        """The sender was told that the server has its message."""
        self.records.append(Acked(self._now_s(), message_id, offset))

    def fail(self, message_id: str, reason: str) -> None:
        """The sender was told that the server will never have its message.

        Not for one that shows as failed because its ack is late, nor for one taken back after it was written: both
        may still arrive.
        """
        self.records.append(Refused(self._now_s(), message_id, reason))

    def amended(self, message_id: str, content: str) -> None:
        """A message is edited or deleted: say so before anything can come of it.

        Args:
            message_id: the message.
            content: as in :meth:`attempt`.
        """
        self.records.append(Amended(self._now_s(), message_id, content))

    def member(self, receiver: str, room: str) -> None:
        """A device is in a room: say so when the answer to its join is there, for each incarnation of the device.

        What others send from now on, the device must be called back with.
        """
        self.records.append(Joined(self._now_s(), receiver, room))

    def delivery(
        self, receiver: str, room: str, message_id: str, offset: int, sender: str, content: str | None = None
    ) -> None:
        """An application was called back with a message; ``sender`` and ``content`` are as the application was told."""
        self.records.append(Delivery(self._now_s(), receiver, room, message_id, offset, sender, content))

    def gap(self, receiver: str, room: str, after: int, before: int) -> None:
        """A device shows a gap: it lacks what stands between two offsets, and will not get it."""
        self.records.append(GapShown(self._now_s(), receiver, room, after, before))

    def view(
        self, receiver: str, room: str, entries: Iterable[tuple[int, str]], *, gaps: Iterable[tuple[int, int]] = ()
    ) -> None:
        """What a device shows of a room in the end, own messages included, without those that are still to be sent.

        Args:
            receiver: the device.
            room: the room.
            entries: offset and message id, in the order shown.
            gaps: pairs of offsets between which, as it says, messages are missing that the server has no more.
        """
        shown = tuple((offset, name) for offset, name in entries)
        missing = tuple((after, before) for after, before in gaps)
        self.records.append(View(self._now_s(), receiver, room, shown, missing))

    def logged(self, room: str, entries: Iterable[tuple[int, str]], *, horizon: int = 0) -> None:
        """What the server's log of a room holds in the end.

        Clients drop what they have, and so hide a server that stores a message twice.

        Args:
            room: the room.
            entries: offset and message id, oldest first; the oldest ones may have been trimmed.
            horizon: everything up to this offset has been trimmed, if not more.
        """
        kept = tuple((offset, name) for offset, name in entries)
        self.records.append(Logged(self._now_s(), room, kept, horizon))

    # -- devices and faults

    def killed(self, device: str) -> None:
        """The process of a device is dead, by a crash or by its system, and its memory lost."""
        self.records.append(Killed(self._now_s(), device))

    def reconnect(self, device: str) -> None:
        """A device connected again after a connection ended."""
        self.records.append(Reconnect(self._now_s(), device))

    def fault(self, name: str) -> None:
        """A fault began."""
        self.records.append(FaultFired(self._now_s(), name))

    def healed(self) -> None:
        """No fault is in force any more, nor will be."""
        self.records.append(Healed(self._now_s()))

    # -- presence and positions

    def shown(self, observer: str, subject: str, is_online: bool) -> None:
        """An observer shows a subject as online or offline, from now on."""
        self.records.append(Shown(self._now_s(), observer, subject, is_online))

    def reachable(self, subject: str, is_reachable: bool) -> None:
        """Packets pass between a subject and the server from now on, or do not. Observers have networks as well."""
        self.records.append(Reachable(self._now_s(), subject, is_reachable))

    def position_acked(self, subject: str, timestamp_ms: int) -> None:
        """The server has a subject's fix of this time."""
        self.records.append(PositionAcked(self._now_s(), subject, timestamp_ms))

    def position_shown(self, observer: str, subject: str, timestamp_ms: int) -> None:
        """An observer shows a subject where its fix of this time says, from now on."""
        self.records.append(PositionShown(self._now_s(), observer, subject, timestamp_ms))

    def position_gone(self, observer: str, subject: str) -> None:
        """An observer shows a subject nowhere, from now on: its position is not shared any more."""
        self.records.append(PositionGone(self._now_s(), observer, subject))

    def position_ended(self, subject: str, timestamp_ms: int) -> None:
        """A subject shares its position no more; it measured nothing later than this."""
        self.records.append(PositionEnded(self._now_s(), subject, timestamp_ms))

    # -- typing

    def typed(self, user: str, room: str) -> None:
        """A user begins to write, or goes on: say so at each key that the application is told of."""
        self.records.append(Typed(self._now_s(), user, room))

    def typing_shown(self, observer: str, user: str, room: str, is_typing: bool) -> None:
        """An observer shows a user as typing, or not, from now on."""
        self.records.append(TypingShown(self._now_s(), observer, user, room, is_typing))

    # -- notifications

    def notified(self, device: str, names: Iterable[str], way: str) -> None:
        """A notification begins to show on a device.

        Args:
            device: the device.
            names: its id, and those of the messages that it stands for.
            way: ``app`` or ``push``.
        """
        self.records.append(Notified(self._now_s(), device, tuple(names), way))

    def forgot(self, device: str) -> None:
        """What a device has shown it may show again."""
        self.records.append(Forgot(self._now_s(), device))

    def owed(self, device: str, name: str, within_s: float) -> None:
        """A device must show this on its lock screen, unless it does so already."""
        self.records.append(Owed(self._now_s(), device, name, within_s))

    def over(self, device: str, name: str, within_s: float) -> None:
        """A notification must leave the lock screen of a device, if it is there: it was seen to elsewhere."""
        self.records.append(Over(self._now_s(), device, name, within_s))

    def cleared(self, device: str, name: str) -> None:
        """A notification leaves the lock screen of a device, for whatever reason."""
        self.records.append(Cleared(self._now_s(), device, name))

    # -- keeping

    def to_json(self) -> bytes:
        """All records, to be read by :meth:`from_json`."""
        return msgspec.json.encode(self.records)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """A history that was kept; it takes no more records.

        Raises:
            ValueError: this is none.
        """

        def over() -> float:
            raise ValueError("this history is over: it was read from a file, and takes no more records")

        history = cls(over)
        try:
            history.records = msgspec.json.decode(text, type=list[Record])
        except msgspec.MsgspecError as error:
            raise ValueError(f"this is no history as History.to_json() writes it: {error}") from error
        return history
