"""Pushes that a service took, and can be asked about later (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from realtime.server.engine.base import Note
from realtime.server.push.gateway import Delivered, Outcome, Parcel, PlatformName, Push, PushToken
from realtime.server.push.push_notes import Clock, made, value

ASKED_AT_MOST = 10  # times, for a receipt that does not come
MOST_WAITING = 10_000  # the oldest are not followed


class _Waiting(msgspec.Struct):
    parcel: Parcel
    due: float
    asked: int = 0
    is_asked: bool = False  # right now


class _Kept(msgspec.Struct, frozen=True):
    """A ticket, as a note."""

    push: Push
    token: PushToken
    due_ms: int
    asked: int


class Tickets:
    """Remembers what to ask for, and when. Pure: the caller passes the time.

    At :meth:`next_timer` call :meth:`take` for each platform, ask its service, and say :meth:`done`.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}  # by ticket, oldest first
        self._changed: dict[str, _Waiting | None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, ticket: str, parcel: Parcel, due: float) -> None:
        """A service took a push; ask it at ``due``."""
        self._waiting[ticket] = self._changed[ticket] = _Waiting(parcel, due)
        if len(self._waiting) > MOST_WAITING:
            self._drop(next(iter(self._waiting)))

    def next_timer(self) -> float | None:
        """When to call :meth:`take`; None: nobody is to be asked."""
        return min((each.due for each in self._waiting.values() if not each.is_asked), default=None)

    def take(self, platform: PlatformName, now: float, most: int) -> list[str]:
        """The tickets to ask for now."""
        due = [
            ticket
            for ticket, each in self._waiting.items()
            if each.parcel.token.platform == platform and not each.is_asked and each.due <= now
        ]
        for ticket in due[:most]:
            self._waiting[ticket].is_asked = True
        return due[:most]

    def done(self, asked: Sequence[str], receipts: Mapping[str, Outcome], due: float) -> list[tuple[Parcel, Outcome]]:
        """A service was asked, and is asked again at ``due`` for what it does not know yet.

        Returns:
            What failed after all.
        """
        failed: list[tuple[Parcel, Outcome]] = []
        for ticket in asked:
            waiting = self._waiting.get(ticket)
            if waiting is None:
                continue
            outcome = receipts.get(ticket)
            waiting.asked, waiting.is_asked, waiting.due = waiting.asked + 1, False, due
            if outcome is None and waiting.asked < ASKED_AT_MOST:
                self._changed[ticket] = waiting
                continue
            self._drop(ticket)
            if outcome is not None and not isinstance(outcome, Delivered):
                failed.append((waiting.parcel, outcome))
        return failed

    def changes(self, clock: Clock) -> list[Note]:
        """What is to be kept for the next process since the last call."""
        changed, self._changed = self._changed, {}
        return [made("push.ticket", ticket, each and _kept(each, clock)) for ticket, each in changed.items()]

    def restore(self, notes: Iterable[Note], clock: Clock) -> None:
        """Go on with what was kept."""
        kept = sorted(((value(note, _Kept), note.key) for note in notes), key=lambda each: each[0].due_ms)
        for each, ticket in kept:
            self._waiting[ticket] = _Waiting(Parcel(each.push, each.token), clock.time(each.due_ms), each.asked)

    def _drop(self, ticket: str) -> None:
        del self._waiting[ticket]
        self._changed[ticket] = None


def _kept(waiting: _Waiting, clock: Clock) -> _Kept:
    return _Kept(waiting.parcel.push, waiting.parcel.token, clock.ms(waiting.due), waiting.asked)
