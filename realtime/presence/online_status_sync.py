"""One's own online status, and those of the users that one follows."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.errors import SendRefused
from realtime.connection.listeners import Listeners
from realtime.connection.questions import Questions
from realtime.connection.verdict import DoneReply
from realtime.presence.presence_tracker import RESTART_GRACE_S
from realtime.presence.wire import SubscribeReply, UserStatus
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventSource
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

    from realtime.connection.socket_manager import SocketManager

STATUSES = ("online", "away", "busy", "invisible")
MAX_TEXT = 140  # characters; the server refuses longer ones
MAX_META_BYTES = 1024  # of JSON; the server refuses more
_PAGE = 500  # users that one subscription may name

_log = logging.getLogger("realtime.presence")


class _Keep(Enum):
    TEXT = "text"


_KEEP: Final = _Keep.TEXT


@dataclass(frozen=True, slots=True)
class OwnStatus:
    """What this device shows of its user.

    Args:
        status: ``online``, ``away``, ``busy`` or ``invisible``; ``offline`` without a connection.
        text: the user's own words.
        meta: what the application adds.
    """

    status: str
    text: str | None = None
    meta: Mapping[str, Any] | None = None


class OnlineStatusSync(EventSource):
    """Tells how its user is, and how others are. Call it on the connection's loop.

    What was chosen is told with every connection, so that nobody sees another status first. The server makes one
    status of all devices of a user: ``busy`` on one is ``busy``, otherwise ``online`` on one is ``online``; an
    ``invisible`` device counts as if it were not there. In the background a device is ``away`` by itself. Make it
    before :class:`~realtime.chat.chat_client.ChatClient`, so that what is told precedes the joins.

    Event, for :meth:`on`: ``status(user_status)``, of users that are followed.

    Args:
        socket: the connection.
        app_state: the app's state, if it is not the connection's.
        restart_grace_s: a server that was restarted knows only those who are back; others are not offline so soon.
    """

    def __init__(
        self,
        socket: SocketManager,
        *,
        app_state: AppState | None = None,
        restart_grace_s: float = RESTART_GRACE_S,
    ) -> None:
        super().__init__()
        self._socket = socket
        self._app_state = socket.app_state if app_state is None else app_state
        self._questions = Questions(socket)
        self._chosen: str | None = None
        self._text: str | None = None
        self._meta: Mapping[str, Any] | None = None
        self._was_meta_set = False
        self._introduced_hidden = False  # what the newest handshake said of the app
        self._followed: dict[str, None] = {}
        self._epoch: str | None = None  # of the server's life, as it was told last
        self._former_epoch: str | None = None  # as it was told on the connections before
        self._doubted: dict[str, UserStatus] = {}  # shown as before, and offline for a server that was restarted
        self._restart_grace_s = restart_grace_s
        self._alarm = Alarm(self._settle)
        self.own: Observable[OwnStatus] = Observable(self._own())
        """This device's own status."""
        self.users: Observable[Mapping[str, UserStatus]] = Observable({})
        """The users that are followed, as far as they are known; without a connection, as they were last."""
        self._unwatch = [self._app_state.observe(lambda value: self._show())]
        self._unwatch.append(socket.add_to_auth("presence", self._introduction))
        self._listeners = Listeners(socket)
        self._listeners.on("connect", self._connected)
        self._listeners.on("disconnect", self._disconnected)
        self._listeners.on_payload("presence:status", partial(msgspec.convert, type=UserStatus), self._heard)

    def __repr__(self) -> str:
        return f"<OnlineStatusSync {self.own.snapshot.status} following={len(self._followed)}>"

    # --- one's own

    @property
    def chosen(self) -> str:
        """What was chosen, also where another status shows: in the background, or without a connection."""
        return self._chosen or "online"

    def set_status(self, status: str, text: str | _Keep | None = _KEEP) -> None:
        """Choose how this device shows, now and at every later connection.

        Args:
            status: ``online``, ``away``, ``busy``, or ``invisible``, which others see as offline.
            text: own words, at most 140 characters; None takes them away. Without it they stay.

        Raises:
            LocalProtocolError: there is no such status, or the text is too long.
        """
        if status not in STATUSES:
            words = "; to be offline, disconnect" if status == "offline" else ""
            raise LocalProtocolError(f"a status is one of {', '.join(STATUSES)}, not {status!r}{words}")
        if isinstance(text, str) and len(text) > MAX_TEXT:
            raise LocalProtocolError(
                f"the text of a status has at most {MAX_TEXT} characters, this one has {len(text)}"
            )
        self._chosen = status
        if not isinstance(text, _Keep):
            self._text = text or None
        if self._socket.connected:
            self._tell({"status": self._chosen, "text": self._text})
        self._show()

    def set_meta(self, meta: Mapping[str, Any] | None) -> None:
        """Choose what rooms are told of this device beside its status, now and at every later connection.

        Args:
            meta: what JSON can hold, at most 1 KiB of it: an avatar, a typing mode, the floor one is on; None takes
                it away. Do not change it afterwards.

        Raises:
            LocalProtocolError: it is too large, or no JSON object.
        """
        try:
            size = len(json.dumps(meta, ensure_ascii=False, separators=(",", ":")).encode())
        except (TypeError, ValueError) as error:
            raise LocalProtocolError(f"meta is a dict of what JSON can hold: {error}") from error
        if meta is not None and not isinstance(meta, Mapping):
            raise LocalProtocolError(f"meta is a dict, or None, not a {type(meta).__name__}")
        if size > MAX_META_BYTES:
            raise LocalProtocolError(f"meta has at most {MAX_META_BYTES} bytes of JSON, this one has {size}")
        self._meta, self._was_meta_set = meta or None, True
        if self._socket.connected:
            self._tell({"meta": self._meta})
        self._show()

    # --- others

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The users that are followed."""
        return tuple(self._followed)

    def subscribe(self, user_ids: Iterable[str]) -> None:
        """Follow users, now and at every later connection; the server lets one follow 5000.

        Raises:
            LocalProtocolError: this is one user id, not several.
        """
        new = [user_id for user_id in _set_of(user_ids) if user_id not in self._followed]
        self._followed |= dict.fromkeys(new)
        if self._socket.connected:
            self._ask(new)

    def unsubscribe(self, user_ids: Iterable[str]) -> None:
        """Follow users no more; others are ignored.

        Raises:
            LocalProtocolError: this is one user id, not several.
        """
        gone = [user_id for user_id in _set_of(user_ids) if user_id in self._followed]
        for user_id in gone:
            del self._followed[user_id]
            self._doubted.pop(user_id, None)
        if gone:
            self.users.set({key: user for key, user in self.users.snapshot.items() if key in self._followed})
        if self._socket.connected:
            for page in _pages(gone):
                self._questions.ask("presence:unsubscribe", {"userIds": page}, DoneReply, _ignored, _refused)

    def to_frame(self) -> pd.DataFrame:
        """The users that are followed, as far as they are known, a row for each, in the order of :meth:`subscribe`."""
        from realtime.presence.presence_frame import statuses_frame  # which needs pandas

        known = self.users.snapshot
        return statuses_frame(known[user_id] for user_id in self._followed if user_id in known)

    def close(self) -> None:
        """Stop listening to the connection; what is known stays."""
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch.clear()
        if self._alarm.due is not None:
            self._alarm.set(None)
        self._listeners.remove()
        self._questions.another_connection()

    # --- connection

    def _connected(self) -> None:
        self._questions.another_connection()
        if self._introduced_hidden and not self._is_hidden:  # the connection tells the background, but not this
            self._questions.ask("app:state", {"state": "active"}, DoneReply, _ignored, _refused)
        if chosen := self._choice():
            self._tell(chosen)  # again: it may be newer than what the handshake said
        self._former_epoch = self._epoch
        self._ask(self._followed)
        self._show()

    def _disconnected(self, reason: str) -> None:
        self._questions.another_connection()
        self._show()

    @property
    def _is_hidden(self) -> bool:
        return self._app_state.value is AppStateValue.BACKGROUND

    def _choice(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {} if self._chosen is None else {"status": self._chosen, "text": self._text}
        return {**chosen, "meta": self._meta} if self._was_meta_set else chosen

    def _introduction(self) -> dict[str, Any]:
        """What the handshake says: what follows it comes a round trip later."""
        self._introduced_hidden = self._is_hidden
        return {**self._choice(), "state": "background" if self._is_hidden else "active"}

    def _tell(self, payload: Mapping[str, Any]) -> None:
        self._questions.ask("presence:update", payload, DoneReply, _ignored, _refused)

    def _ask(self, user_ids: Iterable[str]) -> None:
        for page in _pages(user_ids):
            self._questions.ask("presence:subscribe", {"userIds": page}, SubscribeReply, self._asked, _refused)

    def _asked(self, reply: SubscribeReply) -> None:
        self._epoch = reply.epoch
        is_new_life = self._former_epoch not in (None, reply.epoch)
        known = self.users.snapshot
        for user in reply.users:
            was_there = user.user_id in known and known[user.user_id].status != "offline"
            if user.status == "offline" and was_there and (is_new_life or user.user_id in self._doubted):
                self._doubted[user.user_id] = user
                if is_new_life:
                    self._alarm.set(asyncio.get_running_loop().time() + self._restart_grace_s)
        self._learned([user for user in reply.users if user.user_id not in self._doubted or user.status != "offline"])

    def _settle(self, now: float) -> None:
        """Who was doubted has not come back."""
        self._learned(tuple(self._doubted.values()))

    def _heard(self, status: UserStatus) -> None:
        self._learned((status,))

    def _learned(self, users: Collection[UserStatus]) -> None:
        for user in users:
            self._doubted.pop(user.user_id, None)
        known = self.users.snapshot
        told = [_remembered(known.get(user.user_id), user) for user in users if user.user_id in self._followed]
        news = [user for user in told if known.get(user.user_id) != user]
        if news:
            self.users.set({**known, **{user.user_id: user for user in news}})
        for user in news:
            self._events.dispatch("status", user)

    # --- what shows

    def _own(self) -> OwnStatus:
        if not self._socket.connected:
            return OwnStatus("offline", self._text, self._meta)
        chosen = self.chosen
        return OwnStatus("away" if chosen == "online" and self._is_hidden else chosen, self._text, self._meta)

    def _show(self) -> None:
        own = self._own()
        if own != self.own.snapshot:
            self.own.set(own)


def _remembered(before: UserStatus | None, user: UserStatus) -> UserStatus:
    """A server that was restarted does not know when somebody was seen who stayed away."""
    is_forgotten = user.status == "offline" and user.last_seen is None
    return before if is_forgotten and before is not None and before.status == "offline" else user


def _set_of(user_ids: Iterable[str]) -> Iterable[str]:
    if isinstance(user_ids, str):  # whose letters are texts, too
        raise LocalProtocolError(f"this takes a list of user ids, such as [{user_ids!r}], not {user_ids!r}")
    return dict.fromkeys(user_ids)


def _pages(user_ids: Iterable[str]) -> Iterable[list[str]]:
    rest = iter(user_ids)
    while page := list(itertools.islice(rest, _PAGE)):
        yield page


def _ignored(reply: object) -> None:
    """The server has it."""


def _refused(error: SendRefused) -> None:
    _log.warning("the server refused a presence question: %s", error)
