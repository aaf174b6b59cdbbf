"""Keeps what one session sends into one room in its order, though the engine refuses some of it for a while (pure).

A client writes ahead: when it learns that message 7 could not be stored, 8 and 9 are on their way already. Were they
stored, 7 would come after them. So from such a refusal on, only 7 is let in, then 8, and so on, each when it comes
again; everything else is refused until the client can have seen that, and has sent what it then had to send.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import count
from typing import Protocol

from realtime.server.messages import Refusal

_MOST_AWAITED = 1000  # of one session in one room
_ROUNDS = 2


_Key = tuple[bool, str]  # whether it is a change, and its id: those of changes and messages are known apart


class Fenced(Hashable, Protocol):
    """What is needed of a session."""

    @property
    def link(self) -> object:
        """The connection; another object after a reconnection."""
        ...

    def fence(self, passed: Callable[[], None]) -> None:
        """Call ``passed()`` once all was handled that the client sent before it could see what was written so far."""
        ...


class _Hold:
    def __init__(self, link: object) -> None:
        self.link = link
        self.awaited: dict[_Key, int] = {}  # what was refused, and its turn
        self.idle_rounds = 0
        self.has_refused = False  # in this round
        self.has_let_in = False


class OrderGuard:
    """One for all sessions and rooms.

    A round is the time from one fence to its passing. The hold ends with a round in which nothing was refused: then
    the client knows of all refusals, and what it sends now it sends knowingly. It ends too with the second round in
    a row in which nothing refused came again: this client does not retry, and must not be locked out. (In the first
    one, it may not have known of anything to retry.)
    """

    def __init__(self) -> None:
        self._holds: dict[tuple[Fenced, str], _Hold] = {}
        self._turns = count(1)

    @property
    def held(self) -> int:
        """How many refused entries are awaited, of all sessions."""
        return sum(len(hold.awaited) for hold in self._holds.values())

    def admit(self, session: Fenced, room_id: str, is_change: bool, entry_id: str | None) -> int:
        """Let an entry pass on its way to the engine; you must then call :meth:`done` or :meth:`failed`.

        Args:
            session: the sender.
            room_id: in whose log it shall be.
            is_change: whether it is a change, with a change's id, or a message.
            entry_id: None if the client has no id for it: then it could not be known again.

        Returns:
            Its turn: smaller than that of everything that was sent later for the first time.

        Raises:
            Refusal: one that was sent earlier has to come first.
        """
        hold = self._hold(session, room_id) if self._holds else None
        if hold is None:
            return next(self._turns)
        key = None if entry_id is None else (is_change, entry_id)
        turn = None if key is None else hold.awaited.get(key)
        first = min(hold.awaited, key=hold.awaited.__getitem__)
        if turn is not None and key == first:
            hold.has_let_in = True
            del hold.awaited[first]
            if not hold.awaited:
                del self._holds[session, room_id]
            return turn
        hold.has_refused = True
        if turn is None and key is not None and len(hold.awaited) < _MOST_AWAITED:
            hold.awaited[key] = next(self._turns)
        raise Refusal(
            "storage_failed",
            f"your {'change' if first[0] else 'message'} {first[1]!r} could not be stored; "
            "send that again, and then this, so that they stay in order",
        )

    def done(self, session: Fenced, room_id: str, is_change: bool, entry_id: str | None) -> None:
        """The engine has an entry, or will never take it."""
        hold = self._hold(session, room_id) if self._holds and entry_id is not None else None
        if hold is not None and entry_id is not None:
            hold.awaited.pop((is_change, entry_id), None)
            if not hold.awaited:
                del self._holds[session, room_id]

    def failed(self, session: Fenced, room_id: str, is_change: bool, entry_id: str, turn: int) -> None:
        """The engine could not store an entry; the client must have been told right before."""
        hold = self._hold(session, room_id)
        if hold is None:
            hold = self._holds[session, room_id] = _Hold(session.link)
            self._begin_round(session, room_id, hold)
        else:
            hold.has_refused = True  # behind this round's fence
            hold.idle_rounds = 0
        key = (is_change, entry_id)
        hold.awaited[key] = min(turn, hold.awaited.get(key, turn))

    def forget(self, session: Fenced) -> None:
        """A session has ended, or has another connection: it sends again in order by itself."""
        if self._holds:
            for key in [key for key in self._holds if key[0] is session]:
                del self._holds[key]

    def _hold(self, session: Fenced, room_id: str) -> _Hold | None:
        hold = self._holds.get((session, room_id))
        if hold is not None and hold.link is not session.link:
            del self._holds[session, room_id]
            return None
        return hold

    def _begin_round(self, session: Fenced, room_id: str, hold: _Hold) -> None:
        hold.has_refused = hold.has_let_in = False
        session.fence(lambda: self._round_over(session, room_id, hold))

    def _round_over(self, session: Fenced, room_id: str, hold: _Hold) -> None:
        if self._holds.get((session, room_id)) is not hold:
            return
        hold.idle_rounds = 0 if hold.has_let_in else hold.idle_rounds + 1
        if hold.has_refused and hold.idle_rounds < _ROUNDS:
            self._begin_round(session, room_id, hold)
        else:
            del self._holds[session, room_id]
