"""Who is pushed what, and when (pure)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec

from realtime.server.engine.base import Note
from realtime.server.push.push_notes import made, names, value

MOST_NAMED = 32
"""Messages that one push names; a Web Push has room for 4 KiB, and an id takes 27 bytes."""

MOST_PUSHED = 10_000
"""Pushes that can be withdrawn: of so many users and rooms, the newest."""


class News(NamedTuple):
    """A chat message, as far as a push tells of it."""

    offset: int
    message_id: str
    author: str
    text: str
    mentions: frozenset[str] = frozenset()
    timestamp_ms: int = 0


class Due(msgspec.Struct, frozen=True):
    """Push this to a user now.

    Args:
        news: the newest that the user lacks, oldest first; never empty.
        count: how many the user lacks in all.
    """

    user_id: str
    room_id: str
    news: tuple[News, ...]
    count: int

    @property
    def is_urgent(self) -> bool:
        """Whether one of them names the user."""
        return any(self.user_id in each.mentions for each in self.news)


class _Pending:
    def __init__(self, due: float) -> None:
        self.due = due
        self.earliest = due
        self.news: list[News] = []
        self.count = 0
        self.received = 0

    def add(self, news: News) -> None:
        self.news.append(news)
        self.count += 1
        del self.news[:-MOST_NAMED]

    def keep(self, is_kept: Callable[[News], bool]) -> bool:
        """Drop what is not to be kept; returns whether anything is left."""
        kept = [each for each in self.news if is_kept(each)]
        self.count = len(kept) if len(kept) < len(self.news) else self.count
        self.news = kept
        return bool(kept)


class UpTo(NamedTuple):
    """Of a room's messages, those up to an offset are no business of a user's pushes any more.

    Args:
        push_id: of the push that was made for the newest of them, and may be withdrawn.
    """

    offset: int
    push_id: str | None = None


class PushPlan:
    """Waits a little with each message, and forgets it if it is read. Pure: the caller passes the time.

    Who is looking at a room is not pushed; but a phone that has vanished without a word looks for a while as if its
    user were. So what such a user has not received waits on, and is pushed once nobody looks any more.

    Call :meth:`handle_timer` at :meth:`next_timer`. What waits is not kept for the next process: it is in the log. How
    far each user's pushes have got is; give what :meth:`changes` returns to :meth:`restore`.

    Args:
        delay_s: from a message to its push.
        look_again_s: after this much longer it is looked whether a user is still there who does not receive.

    Raises:
        ValueError: a time makes no sense.
    """

    def __init__(self, *, delay_s: float = 3.0, look_again_s: float = 5.0) -> None:
        if not delay_s >= 0:
            raise ValueError(f"delay_s must be at least 0 seconds, not {delay_s}")
        if not look_again_s > 0:
            raise ValueError(f"look_again_s must be above 0 seconds, not {look_again_s}")
        self._delay_s = delay_s
        self._look_again_s = look_again_s
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._by_room: dict[str, dict[str, _Pending]] = {}
        self._dues: list[tuple[float, tuple[str, str]]] = []  # those that are out of date are skipped
        self._pushed: dict[tuple[str, str], UpTo] = {}
        self._changed: dict[tuple[str, str], UpTo | None] = {}

    def __len__(self) -> int:
        """Users and rooms that something waits for."""
        return len(self._pending)

    def changes(self) -> list[Note]:
        """What is to be kept for the next process since the last call."""
        changed, self._changed = self._changed, {}
        return [made("push.up_to", key, up_to) for key, up_to in changed.items()]

    def restore(self, notes: Iterable[Note]) -> dict[tuple[str, str], int]:
        """Go on with what was kept; returns the offsets by user and room."""
        kept = {names(note): value(note, UpTo) for note in notes}
        self._pushed = {(user, room): up_to for (user, room), up_to in kept.items() if up_to.push_id is not None}
        return {(user, room): up_to.offset for (user, room), up_to in kept.items()}

    def logged(self, room_id: str, news: News, user_ids: Iterable[str], now: float) -> None:
        """A message was logged, and these users want to know of it."""
        for user_id in user_ids:
            key = user_id, room_id
            pending = self._pending.get(key)
            if pending is None:
                pending = self._pending[key] = _Pending(now + self._delay_s)
                self._by_room.setdefault(room_id, {})[user_id] = pending
                heappush(self._dues, (pending.due, key))
            if not pending.news or pending.news[-1].offset < news.offset:
                pending.add(news)

    def read(self, user_id: str, room_id: str, up_to: int) -> str | None:
        """The user has read so far.

        Returns:
            The id of a push that was made for this, and is to be withdrawn.
        """
        self._keep(user_id, room_id, lambda news: news.offset > up_to)
        pushed = self._pushed.get((user_id, room_id))
        if pushed is None or pushed.offset > up_to:
            return None
        del self._pushed[user_id, room_id]
        self._changed[user_id, room_id] = None  # what was read needs no push, as its marker tells
        return pushed.push_id

    def received(self, user_id: str, room_id: str, up_to: int) -> None:
        """One of the user's devices has got so far: enough, if somebody looks at it."""
        if (pending := self._pending.get((user_id, room_id))) is not None:
            pending.received = max(pending.received, up_to)

    def away(self, user_id: str, room_id: str, now: float) -> None:
        """The user may not be looking any more."""
        pending = self._pending.get((user_id, room_id))
        if pending is not None and pending.due > max(now, pending.earliest):
            pending.due = max(now, pending.earliest)
            heappush(self._dues, (pending.due, (user_id, room_id)))

    def deleted(self, room_id: str, message_id: str) -> None:
        """Its author took a message back."""
        for user_id in tuple(self._by_room.get(room_id, ())):
            self._keep(user_id, room_id, lambda news: news.message_id != message_id)

    def left(self, user_id: str, room_id: str) -> None:
        """The user does not want to hear of a room any more."""
        self._drop(user_id, room_id)
        self._pushed.pop((user_id, room_id), None)
        self._changed[user_id, room_id] = None

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: nothing waits."""
        while self._dues and not self._is_current(*self._dues[0]):
            heappop(self._dues)
        return self._dues[0][0] if self._dues else None

    def handle_timer(self, now: float, active: Callable[[str], Collection[str]]) -> list[Due]:
        """What to push now.

        Args:
            now: the time.
            active: tells the users who are looking at a room.
        """
        ready: list[Due] = []
        looking: dict[str, Collection[str]] = {}
        while (due := self.next_timer()) is not None and due <= now:
            _, key = heappop(self._dues)
            user_id, room_id = key
            pending = self._pending[key]
            if room_id not in looking:
                looking[room_id] = active(room_id)
            if user_id not in looking[room_id]:
                ready.append(Due(user_id, room_id, tuple(pending.news), pending.count))
                self._note(key, pending.news[-1])
                self._drop(user_id, room_id)
            elif pending.received >= (newest := pending.news[-1].offset):
                before = self._pushed.get(key)
                self._changed[key] = UpTo(newest, before and before.push_id)
                self._drop(user_id, room_id)
            elif self._keep(user_id, room_id, lambda news, got=pending.received: news.offset > got):  # type: ignore[misc]
                pending.due = now + self._look_again_s
                heappush(self._dues, (pending.due, key))
        return ready

    def _note(self, key: tuple[str, str], newest: News) -> None:
        self._pushed.pop(key, None)
        self._pushed[key] = self._changed[key] = UpTo(newest.offset, newest.message_id)
        if len(self._pushed) > MOST_PUSHED:
            del self._pushed[next(iter(self._pushed))]

    def _is_current(self, due: float, key: tuple[str, str]) -> bool:
        pending = self._pending.get(key)
        return pending is not None and pending.due == due

    def _keep(self, user_id: str, room_id: str, is_kept: Callable[[News], bool]) -> bool:
        pending = self._pending.get((user_id, room_id))
        if pending is None:
            return False
        if not pending.keep(is_kept):
            self._drop(user_id, room_id)
            return False
        return True

    def _drop(self, user_id: str, room_id: str) -> None:
        if self._pending.pop((user_id, room_id), None) is not None:
            users = self._by_room[room_id]
            del users[user_id]
            if not users:
                del self._by_room[room_id]
