"""Receipts of one room: how far this user is, until the server has it, and how far the others are (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from realtime.chat.message import Marker

INTERVAL_S = 5.0
"""Between two reports: within the 10 s for which LTE keeps the radio up, so that none of them wakes it."""

FIRST_PAUSE_S, MAX_PAUSE_S = 2.0, 60.0  # between two tries of what the server does not take

MarkerKind: TypeAlias = Literal["received", "read"]


class ReceiptToSend(NamedTuple):
    """Tell the server that this user received, or read, everything up to an offset."""

    kind: MarkerKind
    up_to: int


class MarkerMoved(NamedTuple):
    """A user received, or read, everything up to an offset: somebody else, or this user on another device."""

    user_id: str
    kind: MarkerKind
    up_to: int


ReceiptEvent: TypeAlias = ReceiptToSend | MarkerMoved


class Receipts:
    """Markers that only go on. Pure: the caller passes the time.

    Markers are state, not messages: of many moves only the newest is told, and it is told again on each connection
    until the server has it. Say :meth:`joined` with the answer to each join and :meth:`disconnected` at the end of a
    connection; send what :meth:`handle_timer` returns, and say :meth:`told` or :meth:`not_told` of each.

    Args:
        user_id: this device's user.
        interval_s: the least time between two reports. What is read may follow what is received earlier than that,
            because somebody looks at it; but then the next report is for both.
        reports: False: nothing is told; what the others tell is heard all the same.
    """

    def __init__(self, user_id: str, *, interval_s: float = INTERVAL_S, reports: bool = True) -> None:
        if interval_s <= 0:
            raise ValueError(f"the interval between receipts must be positive, got {interval_s}")
        self.own_read = 0
        self.anyone_received = 0  # the highest marker of any other user
        self.anyone_read = 0
        self._user_id = user_id
        self._interval_s = interval_s
        self._reports = reports
        self._is_open = False  # the server takes receipts now
        self._epoch: str | None = None
        self._received = 0
        self._confirmed = Marker(user_id)  # what the server has of this user
        self._on_the_way: dict[MarkerKind, int] = {}
        self._not_before: dict[MarkerKind, float] = {"received": 0.0, "read": 0.0}
        self._refusals = 0
        self._timer: float | None = None
        self.markers: Mapping[str, Marker] = {}
        """How far everybody is, as the server said. Snapshots share it, so it is replaced and never changed."""

    # --- this user

    def received(self, up_to: int) -> None:
        """This device has everything up to there."""
        if up_to > self._received:
            self._received = up_to
            if self._timer is None:
                self._arm()

    def read(self, up_to: int) -> None:
        """This user has seen everything up to there."""
        if up_to > self.own_read:
            self.own_read = up_to
            self._arm()

    def told(self, receipt: ReceiptToSend) -> None:
        """The server has it."""
        self._arrived(receipt)
        self._refusals = 0
        self.heard(self._user_id, **{receipt.kind: receipt.up_to})

    def not_told(self, receipt: ReceiptToSend, now: float) -> None:
        """It was refused, or dropped: it is tried again, ever more rarely."""
        if self._arrived(receipt):
            self._refusals += 1
            self._pause(now + min(FIRST_PAUSE_S * 2 ** min(self._refusals - 1, 16), MAX_PAUSE_S))
            self._arm()

    # --- the connection

    def joined(self, markers: Iterable[Marker] | None, *, epoch: str) -> list[MarkerMoved]:
        """The server answered a join.

        Args:
            markers: of everybody, as they stand; None: this server has no receipts.
            epoch: of the room's log.

        Returns:
            What moved since the last connection; at the first, how far this user has read.
        """
        is_first = self._epoch is None
        if epoch != self._epoch:
            self.another_log(epoch)
        self._on_the_way.clear()
        self._refusals = 0
        self._pause(0.0)
        self._is_open = markers is not None
        self._confirmed = Marker(self._user_id)
        moved = [
            event
            for each in markers or ()
            for event in self.heard(each.user_id, received=each.received, read=each.read)
        ]
        self._arm()
        return [each for each in moved if not is_first or (each.user_id, each.kind) == (self._user_id, "read")]

    def disconnected(self) -> None:
        """The connection ended, or the room was left."""
        self._is_open = False
        self._on_the_way.clear()
        self._arm()

    def another_log(self, epoch: str) -> None:
        """Offsets begin anew. What was noted before the first log is known belongs to it."""
        if self._epoch is not None:
            self._received = self.own_read = self.anyone_received = self.anyone_read = 0
            self._confirmed = Marker(self._user_id)
            self.markers = {}
            self._on_the_way.clear()
            self._arm()
        self._epoch = epoch

    def heard(self, user_id: str, *, received: int = 0, read: int = 0) -> list[MarkerMoved]:
        """The server said how far a user is, this one included: then another device told it."""
        if read > received:
            received = read
        if user_id == self._user_id:
            had = self._confirmed
            if received > had.received or read > had.read:
                self._confirmed = Marker(user_id, max(had.received, received), max(had.read, read))
            self.read(read)
            self._arm()
        else:
            if received > self.anyone_received:
                self.anyone_received = received
            if read > self.anyone_read:
                self.anyone_read = read
        was = self.markers.get(user_id) or Marker(user_id)
        moved: list[MarkerMoved] = []
        if received > was.received:
            moved.append(MarkerMoved(user_id, "received", received))
        if read > was.read:
            moved.append(MarkerMoved(user_id, "read", read))
        if moved:
            self.markers = {**self.markers, user_id: Marker(user_id, max(was.received, received), max(was.read, read))}
        return moved

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, perhaps at once; None: there is nothing to wait for."""
        return self._timer

    def handle_timer(self, now: float) -> list[ReceiptToSend]:
        """What to send now."""
        due = [(kind, up_to) for kind, up_to in self._due() if now >= self._not_before[kind]]
        if not due:
            return []
        for kind, up_to in due:
            self._on_the_way[kind] = up_to
            self._not_before[kind] = now + self._interval_s
            if kind == "read":
                self._pause(now + self._interval_s)
        self._arm()
        return [ReceiptToSend(kind, up_to) for kind, up_to in due]

    def _due(self) -> list[tuple[MarkerKind, int]]:
        """What the server lacks, unless something of its kind is on the way."""
        if not (self._is_open and self._reports):
            return []
        due: list[tuple[MarkerKind, int]] = []
        reads = self.own_read > self._confirmed.read and "read" not in self._on_the_way
        covered = max(self._confirmed.received, self.own_read if reads else self._on_the_way.get("read", 0))
        if self._received > covered and "received" not in self._on_the_way:
            due.append(("received", self._received))
        if reads:
            due.append(("read", self.own_read))
        return due

    def _arm(self) -> None:
        """Kept instead of asked for: every message asks."""
        self._timer = min([self._not_before[kind] for kind, _ in self._due()], default=None)

    def _pause(self, until: float) -> None:
        self._not_before = {"received": until, "read": until}

    def _arrived(self, receipt: ReceiptToSend) -> bool:
        if is_it := self._on_the_way.get(receipt.kind) == receipt.up_to:
            del self._on_the_way[receipt.kind]
        return is_it
