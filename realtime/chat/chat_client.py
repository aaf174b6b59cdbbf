"""Chat over a connection that comes and goes: nothing lost, nothing twice, one order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from realtime.chat.log_book import MAX_MESSAGES
from realtime.chat.log_events import Deleted, Delivered, Edited, Failed, Other, Reacted, Received
from realtime.chat.message import (
    Message,
    RoomState,
    check_change,
    check_edit,
    check_emoji,
    check_message,
    check_room_id,
)
from realtime.chat.pages import PAGE
from realtime.chat.receipts import INTERVAL_S, MarkerMoved, ReceiptToSend
from realtime.chat.room import Mentioned, Room
from realtime.chat.room_frame import messages_frame
from realtime.chat.seat import JoinRefused, Seat, SeatEvent
from realtime.chat.send_result import SendResult
from realtime.chat.typing_indicator import TypingChanged, TypingToSend
from realtime.chat.wire import (
    LoggedAmendment,
    LoggedMessage,
    LoggedOther,
    MessageDelivered,
    PresenceDiff,
    ReadByUser,
    TypingPayload,
    read_reply,
)
from realtime.connection.app_state import AppStateValue
from realtime.connection.errors import SendRefused
from realtime.connection.listeners import Listeners
from realtime.connection.questions import Questions
from realtime.connection.receipt import Receipt
from realtime.connection.verdict import DoneReply
from realtime.protocol.errors import LocalProtocolError, RealtimeError
from realtime.utils import ambient
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventSource
from realtime.utils.ids import new_id
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

    from realtime.connection.socket_manager import SocketManager

T = TypeVar("T")
_log = logging.getLogger("realtime.chat")

_MESSAGE_EVENTS: dict[type, str] = {
    Mentioned: "mention",
    Delivered: "message_delivered",
    Failed: "message_failed",
    Edited: "message_edited",
    Deleted: "message_deleted",
    Reacted: "reaction",
}
_MARKER_EVENTS = {"received": "delivered", "read": "read"}


class ChatClient(EventSource):
    """Chat rooms over one connection. Call it on the connection's loop.

    A room that was joined is joined again at every connection, with what was missed. What is sent shows at once in
    :meth:`room`, stays in the connection's outbox until the server has it, and keeps one bubble for ever. Over a
    :class:`~realtime.connection.disk_outbox.DiskOutbox` that holds across restarts of the app: :meth:`join` shows again
    what is still to be sent.

    Events, for :meth:`on`:

    - ``message(message)``: once for each message that this device did not send, in the room's order; not for the
      history that comes with the first join;
    - ``message_delivered(message)``: the server has an own message, be it late;
    - ``message_failed(message)``: an own message got no acknowledgement in time; it stays in the outbox and may be
      delivered yet. With a ``message.error``: the server refused it for good;
    - ``message_edited(message)``, ``message_deleted(message)``, ``reaction(message)``: somebody, this user included,
      changed a message that is loaded, and the server has it;
    - ``mention(message)``: after ``message``, if it names this user and is unread;
    - ``delivered(room_id, user_id, up_to)``, ``read(room_id, user_id, up_to)``: how far a user is now, by offsets of
      the room's log: somebody else, or this user, ``read`` on whichever device;
    - ``typing(room_id, user_id, is_typing)``: another user;
    - ``logged(room_id, entry)``: something else came into the room's log, such as a ``geofence:event``: each once, in
      the room's order, also to who was away meanwhile; ``entry`` is a dict as on the wire. Own ones may be among them;
    - ``join_refused(room_id, error)``: the server does not let this device into a room.

    Args:
        socket: the connection. Its handlers of ``connect`` must run before it writes its outbox.
        user_id: the user as whom the connection is authenticated.
        rng: source of message ids.
        failed_after_s: after how many seconds without acknowledgement a message shows as failed.
        typing_clear_s: after how many seconds of silence typing ends.
        receipts: tell the others what this device received and its user read. Whoever does not tell is told all the
            same; but the user's other devices do not learn what was read here.
        receipt_interval_s: the least time between two such reports about one room; the first one goes out at once.
        max_messages: how many messages of a room are kept in memory; the oldest are let go, and :meth:`load_older`
            brings them again.
    """

    def __init__(
        self,
        socket: SocketManager,
        *,
        user_id: str,
        rng: random.Random | None = None,
        failed_after_s: float = 5.0,
        typing_clear_s: float = 3.0,
        receipts: bool = True,
        receipt_interval_s: float = INTERVAL_S,
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        super().__init__()
        self.user_id = user_id
        self._socket = socket
        self._rng = rng or ambient.new_random()
        self._new_room = partial(
            Room,
            user_id=user_id,
            failed_after_s=failed_after_s,
            typing_clear_s=typing_clear_s,
            receipts=receipts,
            receipt_interval_s=receipt_interval_s,
            max_messages=max_messages,
        )
        self._seats: dict[str, Seat] = {}
        self._questions = Questions(socket, read_reply)
        self._alarm = Alarm(self._ring)
        self._dues: dict[str, float] = {}  # of the rooms that wait for something
        self._listeners = Listeners(socket)
        self._is_closed = False
        for question in ("room:join", "chat:history"):  # an earlier run's: nobody waits for the answers
            for _, receipt in socket.claim(question):
                receipt.discard()
        for entry, receipt in socket.claim("geofence:event"):
            receipt.waits = lambda code: code == "not_member"  # until the next connection, which joins first
            receipt.add_done_callback(partial(self._wrote_before, entry.args))
        self._unhear = socket.on_answer("geofence:event", self._wrote)
        self._listeners.on("connect", self._connected)
        self._listeners.on("disconnect", self._disconnected)
        self._hear("chat:message", LoggedMessage, self._received)
        for event in ("chat:edit", "chat:delete", "chat:reaction"):
            self._hear(event, LoggedAmendment, self._received)
        self._listeners.on_payload("geofence:event", LoggedOther.from_wire, self._received)
        self._hear("chat:typing", TypingPayload, self._heard_typing)
        self._hear("chat:message_delivered", MessageDelivered, self._heard_delivered)
        self._hear("chat:read", ReadByUser, self._heard_read)
        self._hear("presence:diff", PresenceDiff, self._heard_diff)

    def __repr__(self) -> str:
        unsent = sum(seat.unsent for seat in self._seats.values())
        return f"<ChatClient {self.user_id!r} rooms={','.join(self.rooms)} unsent={unsent}>"

    @property
    def socket(self) -> SocketManager:
        """The connection."""
        return self._socket

    # --- rooms

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms in which this device wants to be, in the order it joined them."""
        return tuple(room_id for room_id, seat in self._seats.items() if seat.wanted)

    def room(self, room_id: str) -> Observable[RoomState]:
        """The state of a room: for a room that was never joined, an empty one."""
        return self._seat(room_id).state

    async def join(self, room_id: str) -> RoomState:
        """Enter a room, now and at every later connection.

        Returns:
            The room's state, once it is joined and caught up. Without a connection it is not ``joined`` yet: the
            join is remembered, and done when there is one.

        Raises:
            SendRefused: the server does not let this device in.
            LocalProtocolError: the room id is too long, or empty.
        """
        check_room_id(room_id)
        seat = self._seat(room_id)
        await seat.join()
        return seat.state.snapshot

    async def leave(self, room_id: str) -> None:
        """Leave a room; without a connection the server learns of it later.

        What is in the outbox for the room then goes out before.
        """
        await self._seat(room_id).leave()

    def mark_read(self, room_id: str, up_to: int | None = None) -> bool:
        """The user has seen the room; the others and the user's other devices learn of it.

        Args:
            room_id: the room.
            up_to: offset of the last message that was seen; None: all that are here.

        Returns:
            False: nothing was marked, because the app is in the background, where nobody sees anything.
        """
        if self._socket.app_state.value is AppStateValue.BACKGROUND:
            return False
        seat = self._seat(room_id)
        seat.changed(seat.room.mark_read(up_to))
        return True

    async def load_older(self, room_id: str, limit: int = 50) -> bool:
        """Bring the messages before the first one that is loaded.

        Args:
            room_id: a joined room.
            limit: how many entries of the log, 1 to 200.

        Returns:
            Whether there are still older ones.

        Raises:
            LocalProtocolError: the room was not joined, or the limit makes no sense.
            SendRefused: the server could not give them.
            ConnectionLost: there is no connection, or it ended.
        """
        if not 1 <= limit <= PAGE:
            raise LocalProtocolError(f"a page has 1 to {PAGE} entries, not {limit}")
        return await self._wanted(room_id).load_older(limit)

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The messages of a room, or of all :attr:`rooms`: see :data:`realtime.chat.room_frame.COLUMNS`."""
        rooms = self.rooms if room_id is None else (room_id,)
        return messages_frame(self.room(each).snapshot for each in rooms)

    # --- messages

    def send_message(self, room_id: str, text: str, reply_to: str | None = None) -> SendResult:
        """Send a message; it shows at once, and goes out when there is a connection.

        Args:
            room_id: a joined room.
            text: 1 to 8000 characters.
            reply_to: the id of the message that this one answers.

        Raises:
            LocalProtocolError: the room was not joined, or the text is empty or too long.
            SendRefused: the outbox is full, or this client closed; nothing was sent or shown.
        """
        check_message(room_id, text, reply_to)
        self._check_open()
        return self._wanted(room_id).send(new_id(self._rng), text, reply_to)

    def edit_message(self, room_id: str, message_id: str, text: str) -> SendResult:
        """Change the text of an own message; it shows at once, and goes out when there is a connection.

        Returns:
            What becomes of the change; need not be awaited.

        Raises:
            LocalProtocolError: there is no such message here, it is not one's own, it was deleted, or the text is
                empty or too long.
            SendRefused: the outbox is full, or this client closed; nothing was changed.
        """
        check_edit(text)
        seat, message = self._changeable(room_id, message_id, authors_only=True)
        return seat.edit(new_id(self._rng), message, text)

    def delete_message(self, room_id: str, message_id: str) -> SendResult:
        """Take an own message away; its bubble stays, empty. As :meth:`edit_message`."""
        seat, message = self._changeable(room_id, message_id, authors_only=True)
        return seat.delete(new_id(self._rng), message)

    def add_reaction(self, room_id: str, message_id: str, emoji: str) -> SendResult:
        """React to a message with 1 to 64 characters. As :meth:`edit_message`, but to anybody's message."""
        return self._react(room_id, message_id, emoji, add=True)

    def remove_reaction(self, room_id: str, message_id: str, emoji: str) -> SendResult:
        """Take an own reaction back. As :meth:`add_reaction`."""
        return self._react(room_id, message_id, emoji, add=False)

    def retry(self, message_id: str) -> bool:
        """Try now to send a message that shows as failed.

        A late one goes out by itself as well; this looks at the connection, and hurries it. One that the server
        refused is sent again.

        Returns:
            False if there is no unsent message of this id.
        """
        found = any(seat.retry(message_id) for seat in self._seats.values())
        if found:
            self._socket.probe()
        return found

    def discard(self, message_id: str) -> bool:
        """Take an unsent message back, out of the outbox and out of sight.

        If it was written to a connection before, the server may have it nevertheless; then it comes with the log.

        Returns:
            False if there is no unsent message of this id.
        """
        return any(seat.discard(message_id) for seat in self._seats.values())

    def set_typing(self, room_id: str, is_typing: bool) -> None:
        """Tell the room that this user types; call it at every key. It ends by itself, or by the message.

        Raises:
            LocalProtocolError: the room was not joined.
        """
        seat = self._wanted(room_id)
        seat.changed(seat.room.set_typing(is_typing, asyncio.get_running_loop().time()))

    # --- events

    def close(self) -> None:
        """Stop listening to the connection. Who waits for a message gets a ``SendRefused``."""
        self._is_closed = True
        self._unhear()
        self._listeners.remove()
        self._disconnected("closed")
        self._alarm.set(None)
        for seat in self._seats.values():
            seat.close()

    # --- connection

    def _hear(self, event: str, kind: type[T], handler: Callable[[T], None]) -> None:
        self._listeners.on_payload(event, partial(msgspec.convert, type=kind), handler)

    def _connected(self) -> None:
        self._questions.another_connection()
        for seat in self._seats.values():
            seat.connected()

    def _disconnected(self, reason: str) -> None:
        self._questions.another_connection()
        for seat in self._seats.values():
            seat.disconnected()

    def _received(self, entry: LoggedMessage | LoggedAmendment | LoggedOther) -> None:
        if (seat := self._seats.get(entry.room_id or "")) is not None and seat.wanted:
            seat.changed(seat.room.receive(entry))

    def _wrote(self, args: tuple[Any, ...], answer: object) -> None:
        """Something of this device, which is not told of it by a broadcast, stands in a room's log."""
        room_id = args[0].get("roomId") if args and isinstance(args[0], dict) else None
        offset = answer.get("offset") if isinstance(answer, dict) else None
        if isinstance(offset, int) and (seat := self._seats.get(str(room_id))) is not None:
            seat.room.wrote(offset)
            seat.changed([])

    def _wrote_before(self, args: tuple[Any, ...], receipt: Receipt) -> None:
        with contextlib.suppress(RealtimeError):  # it was refused
            self._wrote(args, receipt.result())

    def _heard_typing(self, typing: TypingPayload) -> None:
        if (seat := self._seats.get(typing.room_id)) is not None and seat.wanted:
            now = asyncio.get_running_loop().time()
            seat.changed(seat.room.heard_typing(typing.user_id, typing.is_typing, now))

    def _heard_delivered(self, payload: MessageDelivered) -> None:
        if (seat := self._seats.get(payload.room_id)) is not None and seat.wanted:
            events = seat.room.heard_marker(payload.user_id, received=payload.up_to)
            for other in payload.others:
                events += seat.room.heard_marker(other.user_id, received=other.up_to)
            seat.changed(events)

    def _heard_read(self, payload: ReadByUser) -> None:
        if (seat := self._seats.get(payload.room_id)) is not None and seat.wanted:
            seat.changed(seat.room.heard_marker(payload.user_id, read=payload.up_to))

    def _heard_diff(self, diff: PresenceDiff) -> None:
        if (seat := self._seats.get(diff.room_id)) is not None and seat.wanted:
            seat.room.diff(diff)
            seat.changed([])

    # --- seats

    def _changeable(self, room_id: str, message_id: str, *, authors_only: bool) -> tuple[Seat, Message]:
        seat = self._wanted(room_id)
        self._check_open()
        return seat, check_change(room_id, message_id, seat.room.find(message_id), authors_only=authors_only)

    def _react(self, room_id: str, message_id: str, emoji: str, *, add: bool) -> SendResult:
        check_emoji(emoji)
        seat, message = self._changeable(room_id, message_id, authors_only=False)
        return seat.react(new_id(self._rng), message, emoji, add=add)

    def _check_open(self) -> None:
        if self._is_closed:
            raise SendRefused("closed", f"{self.user_id}'s chat is closed: make a new ChatClient, and send it there")

    def _seat(self, room_id: str) -> Seat:
        seat = self._seats.get(room_id)
        if seat is None:
            seat = Seat(room_id, self._new_room(room_id), self._socket, self._questions, self._tell)
            self._seats[room_id] = seat
        return seat

    def _wanted(self, room_id: str) -> Seat:
        seat = self._seats.get(room_id)
        if seat is None or not seat.wanted:
            raise LocalProtocolError(f"room {room_id!r} was not joined: await chat.join({room_id!r}) first")
        return seat

    def _tell(self, seat: Seat, events: Sequence[SeatEvent]) -> None:
        """The state shows it already: now the handlers, then wait for what is due next."""
        for event in events:
            match event:
                case Received(message):  # the commonest first: cases are tried one by one
                    self._events.dispatch("message", message)
                case MarkerMoved(user_id, kind, up_to):
                    self._events.dispatch(_MARKER_EVENTS[kind], seat.room_id, user_id, up_to)
                case Delivered() | Failed() | Edited() | Deleted() | Reacted() | Mentioned():
                    self._events.dispatch(_MESSAGE_EVENTS[type(event)], event.message)
                case Other():
                    self._events.dispatch("logged", seat.room_id, event.entry.body)
                case TypingChanged(user_id, is_typing):
                    self._events.dispatch("typing", seat.room_id, user_id, is_typing)
                case TypingToSend(is_typing):
                    self._socket.emit("chat:typing", {"roomId": seat.room_id, "isTyping": is_typing}, volatile=True)
                case ReceiptToSend():
                    self._report(seat, event)
                case JoinRefused(room_id, error):
                    self._events.dispatch("join_refused", room_id, error)
        self._wait_for(seat)

    def _report(self, seat: Seat, report: ReceiptToSend) -> None:
        """State, not a message: it needs no outbox, because the room knows what the server lacks."""

        def done(receipt: Receipt) -> None:
            try:
                read_reply(receipt.result(), DoneReply)
            except RealtimeError:
                seat.room.receipt_not_told(report, asyncio.get_running_loop().time())
            else:
                seat.room.receipt_told(report)
            seat.changed([])

        payload = {"roomId": seat.room_id, "upTo": report.up_to}
        self._socket.emit(f"chat:{report.kind}", payload, ack=True, volatile=True).add_done_callback(done)

    def _wait_for(self, seat: Seat) -> None:
        due = None if self._is_closed else seat.room.next_timer()
        if due == self._dues.get(seat.room_id):
            return
        if due is None:
            del self._dues[seat.room_id]
        else:
            self._dues[seat.room_id] = due
        self._alarm.set(min(self._dues.values(), default=None))

    def _ring(self, now: float) -> None:
        self._dues.clear()
        for seat in tuple(self._seats.values()):
            seat.changed(seat.room.handle_timer(now))
