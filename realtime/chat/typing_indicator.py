"""Who is typing: what to tell the server, and how long to believe what it tells."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class TypingToSend(NamedTuple):
    """Tell the room that this user types, or stopped."""

    is_typing: bool


class TypingChanged(NamedTuple):
    """Another user started to type, or stopped."""

    user_id: str
    is_typing: bool


TypingEvent: TypeAlias = TypingToSend | TypingChanged


class TypingIndicator:
    """Typing in one room, on this device's side and on the others'. Pure: the caller passes the time.

    Typing is told over a connection that may lose it, so nobody relies on a stop: each side ends it by
    itself ``clear_s`` after the last sign. A start is told again at most every two thirds of that, so one that is a
    little late does not make the indicator flicker at the receivers.

    The caller acts on the returned events, and calls :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        clear_s: seconds of silence after which typing ends.
    """

    def __init__(self, *, clear_s: float = 3.0) -> None:
        if clear_s <= 0:
            raise ValueError(f"clear_s must be positive, got {clear_s}")
        self.users: tuple[str, ...] = ()
        """The other users who are typing, in the order in which they began."""
        self._clear_s = clear_s
        self._throttle_s = clear_s * 2 / 3
        self._told_at: float | None = None  # not None: the room believes that this user types
        self._own_until = 0.0
        self._goes_on = False  # a key was pressed since the room was told
        self._until: dict[str, float] = {}

    def set_typing(self, is_typing: bool, now: float) -> list[TypingEvent]:
        """This user pressed a key, or emptied the input; call it at every key."""
        if not is_typing:
            was_told, self._told_at = self._told_at is not None, None
            return [TypingToSend(False)] if was_told else []
        self._own_until = now + self._clear_s
        if self._told_at is not None and now < self._told_at + self._throttle_s:
            self._goes_on = self._goes_on or now > self._told_at
            return []
        return self._start(now)

    def own_message(self) -> None:
        """This user sent a message: the receivers end the typing by it, so nothing is told."""
        self._told_at = None

    def heard(self, user_id: str, is_typing: bool, now: float) -> list[TypingEvent]:
        """The server said that another user types, or stopped."""
        if not is_typing:
            return self._stopped(user_id)
        news = user_id not in self._until
        self._until[user_id] = now + self._clear_s
        if not news:
            return []
        self.users = tuple(self._until)
        return [TypingChanged(user_id, True)]

    def message_from(self, user_id: str) -> list[TypingEvent]:
        """A message of another user arrived: it is what was being typed."""
        return self._stopped(user_id)

    def clear(self) -> list[TypingEvent]:
        """Forget everyone: the room was left."""
        self._told_at = None
        return [event for user_id in self.users for event in self._stopped(user_id)]

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        if self._told_at is None and not self.users:
            return None
        times = list(self._until.values())
        if self._told_at is not None:
            times.append(min(self._own_until, self._told_at + self._throttle_s) if self._goes_on else self._own_until)
        return min(times)

    def handle_timer(self, now: float) -> list[TypingEvent]:
        """End what has been silent for too long."""
        events: list[TypingEvent] = []
        if self._told_at is not None:
            if self._own_until <= now:
                events += self.set_typing(False, now)
            elif self._goes_on and self._told_at + self._throttle_s <= now:
                events += self._start(now)
        for user_id in [user_id for user_id, until in self._until.items() if until <= now]:
            events += self._stopped(user_id)
        return events

    def _start(self, now: float) -> list[TypingEvent]:
        self._told_at, self._goes_on = now, False
        return [TypingToSend(True)]

    def _stopped(self, user_id: str) -> list[TypingEvent]:
        if self._until.pop(user_id, None) is None:
            return []
        self.users = tuple(self._until)
        return [TypingChanged(user_id, False)]
