"""The payloads of the application's events, as they stand on the wire.

Incoming ones are decoded straight from the JSON of the packet; a field out of bounds is refused by name, and an
unknown field is ignored (a ``userId`` too: the server stamps the authenticated one). Outgoing ones are encoded once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

PAGE = 200
"""Entries in one page of a room's log, at most."""

ROOM_ID_LENGTH = 256
MOST_OFFSET = 2**53 - 1
"""JavaScript has no larger integers."""

RoomId = Annotated[str, Meta(min_length=1, max_length=ROOM_ID_LENGTH)]
MessageId = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(min_length=1, max_length=8_000)]
Emoji = Annotated[str, Meta(min_length=1, max_length=64)]
if TYPE_CHECKING:
    Milliseconds = int
else:  # as it is read; with a fraction only until it is rounded
    Milliseconds = Annotated[int, Meta(ge=0, le=MOST_OFFSET)] | Annotated[float, Meta(ge=0, le=MOST_OFFSET)]
Offset = Annotated[int, Meta(ge=0, le=MOST_OFFSET)]
ReactionAction = Literal["add", "remove"]
AppStateName = Literal["active", "background"]
Status = Literal["online", "away", "busy", "invisible"]


class Refusal(Exception):
    """A request is answered with ``{"ok": false, …}``.

    Args:
        code: a short word for programs.
        message: what is wrong, and what to do.
        retry_after_ms: when it may be asked again, if it is wrong only for now.
    """

    def __init__(self, code: str, message: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_ms = retry_after_ms


class _Wire(msgspec.Struct, frozen=True, rename="camel"):
    pass


class RoomOnly(_Wire, frozen=True):
    """``room:leave``."""

    room_id: RoomId


class JoinRoom(_Wire, frozen=True):
    """``room:join``; ``since`` is the position up to which the client has the room's log."""

    room_id: RoomId
    since: Annotated[str, Meta(max_length=256)] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE)] | None = None


class ReadHistory(_Wire, frozen=True):
    """``chat:history``: entries ``after < offset < before``; with ``after`` the oldest, else the newest."""

    room_id: RoomId
    before: Offset | None = None
    after: Offset | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE)] | None = None


class SendMessage(_Wire, frozen=True):
    """``chat:message``."""

    room_id: RoomId
    message_id: MessageId
    text: Text
    reply_to: MessageId | None = None


class EditMessage(_Wire, frozen=True):
    """``chat:edit``; ``change_id`` tells a retry from another change."""

    room_id: RoomId
    message_id: MessageId
    text: Text
    change_id: MessageId | None = None


class DeleteMessage(_Wire, frozen=True):
    """``chat:delete``."""

    room_id: RoomId
    message_id: MessageId
    change_id: MessageId | None = None


class React(_Wire, frozen=True):
    """``chat:reaction``."""

    room_id: RoomId
    message_id: MessageId
    emoji: Emoji
    action: ReactionAction
    change_id: MessageId | None = None


class MessageOnly(_Wire, frozen=True):
    """``chat:reactions``."""

    room_id: RoomId
    message_id: MessageId


class MarkUpTo(_Wire, frozen=True):
    """``chat:received``, ``chat:read``: all entries up to this offset; beyond the log's end means its end."""

    room_id: RoomId
    up_to: Offset


class SetTyping(_Wire, frozen=True):
    """``chat:typing``."""

    room_id: RoomId
    is_typing: bool


class AppState(_Wire, frozen=True):
    """``app:state``."""

    state: AppStateName


class Fix(_Wire, frozen=True):
    """A measured position: degrees (WGS 84), metres, ms since the Unix epoch, metres per second.

    What phones' systems give is taken as it is, and passed on put right: times with a fraction of a millisecond, and
    on iOS a negative speed or heading for one that is not known (Core Location's ``CLLocation``).
    """

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0)]
    timestamp: Milliseconds
    speed: float | UnsetType | None = UNSET
    heading: Annotated[float, Meta(le=360)] | UnsetType | None = UNSET
    altitude: float | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "timestamp", round(self.timestamp))
        if isinstance(self.speed, float) and self.speed < 0:
            msgspec.structs.force_setattr(self, "speed", UNSET)
        if isinstance(self.heading, float) and self.heading < 0:
            msgspec.structs.force_setattr(self, "heading", UNSET)


class ChatBody(_Wire, frozen=True):
    """What is logged of a ``chat:message``; the engine adds timestamp, offset and position."""

    room_id: str
    message_id: str
    user_id: str
    text: str
    reply_to: str | UnsetType = UNSET


class ChangeBody(_Wire, frozen=True):
    """What is logged of a change to a message; ``event`` tells it from a message in a page of the log."""

    event: str
    room_id: str
    message_id: str
    user_id: str
    text: str | UnsetType = UNSET
    emoji: str | UnsetType = UNSET
    action: ReactionAction | UnsetType = UNSET


class TypingBody(_Wire, frozen=True):
    """``chat:typing``, to the others in the room."""

    room_id: str
    user_id: str
    is_typing: bool


class ReceivedBy(_Wire, frozen=True):
    """A user has everything up to ``up_to``."""

    user_id: str
    up_to: int


class DeliveredBody(_Wire, frozen=True):
    """``chat:message_delivered``, to an author: ``user_id`` has the message, and everything up to ``up_to``.

    So have the ``others``, each up to an offset of their own.
    """

    room_id: str
    message_id: str
    user_id: str
    up_to: int
    others: list[ReceivedBy] | UnsetType = UNSET


class ReadBody(_Wire, frozen=True):
    """``chat:read``, to the others in the room."""

    room_id: str
    user_id: str
    up_to: int


class LocationBody(_Wire, frozen=True):
    """``location:update``, to the others in the room."""

    room_id: str
    user_id: str
    fixes: list[Fix]


class PresentMember(_Wire, frozen=True):
    """Somebody in a room.

    Args:
        user_id: the user.
        device_id: the user's device.
        state: whether its app is looked at.
        status: what the user says, otherwise ``online``, or ``away`` where the app is not looked at.
        since: when this stay in the room began, in ms since the Unix epoch.
        text: the user's own words.
        meta: what the application adds.
    """

    user_id: str
    device_id: str
    state: AppStateName
    status: Status = "online"
    since: int = 0
    text: str | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET


class LeftMember(_Wire, frozen=True):
    """Somebody who is not in a room any more."""

    user_id: str
    device_id: str


class PresenceDiff(_Wire, frozen=True):
    """``presence:diff``. A member in ``joins`` who is known already has changed; merging twice changes nothing.

    Args:
        n: one more than that of the diff before; a diff without one is about the receiver's own invisible devices.
    """

    room_id: str
    joins: list[PresentMember] = []
    leaves: list[LeftMember] = []
    n: int | UnsetType = UNSET


class PresenceUpdate(_Wire, frozen=True):
    """``presence:update``: what is not in it stays; ``null`` takes a text or ``meta`` away."""

    status: Status | UnsetType = UNSET
    text: Annotated[str, Meta(max_length=140)] | UnsetType | None = UNSET
    meta: dict[str, Any] | UnsetType | None = UNSET


class Introduction(PresenceUpdate, frozen=True):
    """``auth.presence``: what a client says of itself before anybody can see it."""

    state: AppStateName = "active"


class UserIds(_Wire, frozen=True):
    """``presence:subscribe``, ``presence:unsubscribe``."""

    user_ids: Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=500)]


class PresencePlace(_Wire, frozen=True):
    """Where a snapshot of a room's members stands: diffs after ``n`` go on from it, within one ``epoch``."""

    epoch: str
    n: int


class SyncReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``presence:sync``."""

    ok: bool = True
    members: list[PresentMember]
    epoch: str
    n: int


class UserStatus(_Wire, frozen=True):
    """``presence:status``, and in the answer to ``presence:subscribe``: a user, over all devices.

    Args:
        user_id: the user.
        status: the invisible are offline.
        text: the user's own words.
        last_seen: of who is offline: when that began, in ms since the Unix epoch, as far as it is known.
    """

    user_id: str
    status: Literal["online", "away", "busy", "offline"]
    text: str | UnsetType = UNSET
    last_seen: int | UnsetType = UNSET


class SubscribeReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``presence:subscribe``; the epoch tells this life of the server from others."""

    ok: bool = True
    users: list[UserStatus]
    epoch: str


class OkReply(_Wire, frozen=True):
    """Done."""

    ok: bool = True


class Receipt(_Wire, frozen=True):
    """Up to which offsets a user has received and read a room's log."""

    user_id: str
    received: int
    read: int


class KnownLocation(_Wire, frozen=True):
    """Where a user is who shares it with a room; ``until`` (ms since the Unix epoch) it ends by itself."""

    user_id: str
    fix: Fix
    until: int | UnsetType = UNSET


class JoinReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``room:join``.

    Args:
        position: the end of the room's log: pass it as ``since`` when joining again.
        recovered: ``messages``, and the pages after them, are all that was logged since ``since``. False: no
            ``since`` was given, or something of it is missing. If ``since`` is of this log, that is what lies up to
            ``horizon``, and ``messages`` go on from there; otherwise they are the newest.
        horizon: entries up to this offset are gone.
        messages: messages and the changes to them, in the order of their offsets, each message as it stands now.
        more: further ones follow; read them by ``chat:history``: with ``after``, or, where these are the newest, with
            ``before``.
        members: everybody present, the one who joins included.
        presence: where ``members`` stand.
        receipts: of everybody who has ever sent one; of very many, those who are furthest, and one's own.
        locations: of everybody who shares the position with the room.
    """

    ok: bool = True
    position: str
    recovered: bool
    horizon: int
    messages: list[msgspec.Raw]
    more: bool
    members: list[PresentMember]
    presence: PresencePlace | UnsetType = UNSET
    receipts: list[Receipt]
    locations: list[KnownLocation] = []


class HistoryReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:history``; ``recovered`` is False where entries after ``after`` are gone."""

    ok: bool = True
    position: str
    recovered: bool
    horizon: int
    messages: list[msgspec.Raw]
    more: bool


class SentReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:message``: the same for every retry."""

    ok: bool = True
    message_id: str
    offset: int
    timestamp: int


class ChangedReply(_Wire, frozen=True, kw_only=True):
    """The answer to a change: the same for every retry; for one that changes nothing, of the entry that stands."""

    ok: bool = True
    offset: int
    timestamp: int


class Reaction(_Wire, frozen=True):
    """Who reacted to a message, and how."""

    message_id: str
    emoji: str
    user_id: str


class ReactionsReply(_Wire, frozen=True, kw_only=True):
    """The answer to ``chat:reactions``, in the order of first adding."""

    ok: bool = True
    reactions: list[Reaction]


class ErrorDetail(_Wire, frozen=True):
    """What went wrong: ``code`` for programs, ``message`` for people; in ``retry_after`` ms it may be asked again."""

    code: str
    message: str
    retry_after: int | UnsetType = UNSET


class ErrorReply(_Wire, frozen=True, kw_only=True):
    """The answer to anything that was refused."""

    ok: bool = False
    error: ErrorDetail

    @classmethod
    def of(cls, refusal: Refusal) -> ErrorReply:
        """The answer that a refusal becomes."""
        after_ms = refusal.retry_after_ms
        return cls(error=ErrorDetail(refusal.code, refusal.message, UNSET if after_ms is None else after_ms))


encode: Callable[[msgspec.Struct], bytes] = msgspec.json.Encoder().encode
"""The JSON object of an outgoing message."""
