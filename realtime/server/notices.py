"""Notifications that went by socket to devices that seem to be looked at, until it is known that one is."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from realtime.server.push.gateway import Push
from realtime.server.session import Session


class _Notice:
    __slots__ = ("is_seen", "push", "sessions", "user_id")

    def __init__(self, user_id: str, push: Push, sessions: Iterable[Session]) -> None:
        self.user_id = user_id
        self.push = push
        self.sessions = dict.fromkeys(sessions)  # that have not answered yet
        self.is_seen = False


class Notices:
    """Asks each device that was told whether it still hears, by a ping; pushes what nobody was shown.

    A phone that has vanished without a word looks for a while as if its user were there, and one that has just gone to
    the background as if it were in the foreground.

    Args:
        push: called with the user and the notification.
    """

    def __init__(self, push: Callable[[str, Push], object]) -> None:
        self._push = push
        self._of: dict[Session, dict[_Notice, None]] = {}

    def __len__(self) -> int:
        """Notifications of which it is not known."""
        return len({notice for notices in self._of.values() for notice in notices})

    def told(self, user_id: str, push: Push, sessions: Iterable[Session]) -> None:
        """A notification was written to these sessions, whose apps seem to be looked at: one or more."""
        notice = _Notice(user_id, push, sessions)
        for session in tuple(notice.sessions):
            self._of.setdefault(session, {})[notice] = None
            self._ask(session, notice)

    def here(self, session: Session) -> None:
        """A session has begun, or goes on with another connection, which brings what was missed."""
        for notice in self._of.get(session, {}):
            self._ask(session, notice)

    def gone(self, session: Session) -> None:
        """The connection of a session has ended."""
        for notice in self._of.pop(session, {}):
            self._over(session, notice)

    def seen_to(self, user_id: str, push_id: str) -> None:
        """A user has seen to a notification, on whatever device."""
        for notice in {notice: None for notices in self._of.values() for notice in notices}:
            if (notice.user_id, notice.push.id) == (user_id, push_id):
                notice.is_seen = True

    def _ask(self, session: Session, notice: _Notice) -> None:
        session.fence(lambda: self._got(session, notice))

    def _got(self, session: Session, notice: _Notice) -> None:
        notices = self._of.get(session, {})
        if notice not in notices:
            return
        del notices[notice]
        if not notices:
            del self._of[session]
        notice.is_seen = notice.is_seen or session.app_state == "active"
        self._over(session, notice)

    def _over(self, session: Session, notice: _Notice) -> None:
        notice.sessions.pop(session, None)
        if not notice.sessions and not notice.is_seen:
            self._push(notice.user_id, notice.push)
