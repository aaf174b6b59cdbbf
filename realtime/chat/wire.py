"""What the server says about a chat. Unknown fields are ignored: a newer server may say more."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from realtime.connection.errors import SendRefused

R = TypeVar("R")


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    pass


class LoggedMessage(_Wire, frozen=True):
    """A message as the server's log has it: in broadcasts and in history."""

    message_id: str
    user_id: str
    text: str
    timestamp: int
    offset: Annotated[int, Meta(ge=1)]
    reply_to: str | None = None
    room_id: str | None = None
    position: str | None = None


class MemberPayload(_Wire, frozen=True):
    """Somebody in a room: a user on a device."""

    user_id: str
    device_id: str | None = None


class PresenceDiff(_Wire, frozen=True):
    """Who came to a room and who left it. Merging twice changes nothing."""

    room_id: str
    joins: tuple[MemberPayload, ...] = ()
    leaves: tuple[MemberPayload, ...] = ()


class TypingPayload(_Wire, frozen=True):
    """Somebody types, or stopped."""

    room_id: str
    user_id: str
    is_typing: bool


class JoinReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``room:join``. See :meth:`realtime.chat.room_log.RoomLog.joined`."""

    position: str
    recovered: bool
    messages: tuple[LoggedMessage, ...]
    more: bool
    members: tuple[MemberPayload, ...] = ()


class HistoryReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:history``."""

    messages: tuple[LoggedMessage, ...]
    more: bool
    recovered: bool = True


class SentReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:message``: where the message stands in the room's log."""

    offset: Annotated[int, Meta(ge=1)]
    timestamp: int


class DoneReply(_Wire, frozen=True):
    """The answer to what has no result."""


class _Verdict(_Wire, frozen=True):
    ok: bool
    error: _Error | None = None


class _Error(_Wire, frozen=True):
    code: str
    message: str


def read_reply(reply: object, kind: type[R]) -> R:
    """Read an acknowledgement.

    Raises:
        SendRefused: with the server's code and words, or ``malformed_ack`` if it makes no sense.
    """
    try:
        verdict = msgspec.convert(reply, _Verdict)
        if verdict.ok:
            return msgspec.convert(reply, kind)
        error = verdict.error or _Error("refused", "the server refused it without a reason")
    except msgspec.ValidationError as broken:
        raise SendRefused("malformed_ack", f"the server's acknowledgement was not understood: {broken}") from broken
    raise SendRefused(error.code, error.message)
