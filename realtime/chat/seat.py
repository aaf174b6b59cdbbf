"""This device's place in one room: comes in, stays in, says its messages, goes out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from realtime.chat.amendments import Amendment, Kind, change_from
from realtime.chat.log_events import Delivered
from realtime.chat.message import Message, RoomState
from realtime.chat.pages import Pages
from realtime.chat.room import Room, RoomEvent
from realtime.chat.send_result import SendResult
from realtime.chat.wire import JoinReply, SentReply, read_reply
from realtime.connection.errors import SendRefused
from realtime.connection.questions import Questions
from realtime.connection.receipt import Receipt
from realtime.protocol.errors import RealtimeError
from realtime.utils import ambient
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager


class JoinRefused(NamedTuple):
    """The server does not let this device into the room."""

    room_id: str
    error: SendRefused


SeatEvent: TypeAlias = RoomEvent | JoinRefused


class Seat:
    """Drives one :class:`~realtime.chat.room.Room` over a connection, and publishes its state.

    Args:
        room_id: the room.
        room: what happens in it goes in there.
        socket: the connection.
        questions: on that connection.
        tell: called with the seat and what happened, after the new state is published.
    """

    def __init__(
        self,
        room_id: str,
        room: Room,
        socket: SocketManager,
        questions: Questions,
        tell: Callable[[Seat, Sequence[SeatEvent]], None],
    ) -> None:
        self.room_id = room_id
        self.room = room
        self.state: Observable[RoomState] = Observable(room.state())
        self.wanted = False
        self._socket = socket
        self._questions = questions
        self._tell = tell
        self._is_joining = False  # a join is on the way
        self._forget_join: Callable[[], None] = lambda: None
        self._pages = Pages(room, room_id, questions, self.changed, self._release)
        self._leaving: Receipt | None = None
        self._results: dict[str, SendResult] = {}
        self._receipts: dict[str, Receipt] = {}  # by the id of the message or the change
        self._changes: dict[str, str] = {}  # unacknowledged ones: the message that each is about
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def unsent(self) -> int:
        """Messages and changes without an acknowledgement."""
        return len(self._receipts)

    def changed(self, events: Sequence[RoomEvent]) -> None:
        """Publish the state, tell the senders, then tell the client; call it after each input to :attr:`room`."""
        self._publish(events)

    # --- in and out

    async def join(self) -> None:
        """Be in the room from now on; waits until it is caught up, or there is no connection.

        Raises:
            SendRefused: the server does not let this device in.
        """
        was_wanted, self.wanted = self.wanted, True
        if self._leaving is not None:
            self._leaving.discard()
        waiter = None
        if self._socket.connected and not self.room.is_joined:
            waiter = self._waiter()
            if not (was_wanted and (self._is_joining or self._pages.is_busy)):
                self._join()
        self._restore()
        if waiter is not None:
            await waiter

    async def leave(self) -> None:
        """Be out of the room from now on; waits for the server's word if there is a connection."""
        if not self.wanted:
            return
        self.wanted = self._is_joining = False
        self._forget_join()
        self._pages.disconnected()
        self.changed(self.room.left())
        waiter = self._waiter() if self._socket.connected else None
        self._go()
        if waiter is not None:
            await waiter

    def connected(self) -> None:
        """A connection began, and its outbox is not written yet: the join must precede the messages.

        Also those that were said before the room was left: then this device goes in, says them, and leaves once more.
        """
        with contextlib.suppress(SendRefused):  # the connection is busy and the outbox full: at the next one, then
            if self.wanted:
                self._join()
            elif self._receipts:
                self._join()
                if self._leaving is None or self._leaving.done:
                    self._go()

    def disconnected(self) -> None:
        """The connection ended."""
        self._is_joining = False
        self._pages.disconnected()
        self.changed(self.room.disconnected())
        self._release()

    # --- own messages

    def send(self, message_id: str, text: str, reply_to: str | None) -> SendResult:
        """Send a message and show it.

        Raises:
            SendRefused: the outbox does not take it; nothing was shown.
        """
        payload = self._message(message_id, text, reply_to)
        receipt = self._socket.emit("chat:message", payload, ack=True)
        result = self._results[message_id] = SendResult(message_id)
        now = asyncio.get_running_loop().time()
        self.room.send(message_id, text, timestamp_ms=ambient.wall_time_ms(), now=now, reply_to=reply_to)
        self.changed([])
        self._expect_ack(message_id, payload, receipt)
        return result

    def retry(self, message_id: str) -> bool:
        """Send a message again that the server refused; False if there is no unsent one of this id.

        Raises:
            SendRefused: the outbox does not take it.
        """
        message = self.room.unsent(message_id)
        if message is None:
            return False
        if message_id not in self._receipts:
            payload = self._message(message_id, message.text, message.reply_to)
            receipt = self._socket.emit("chat:message", payload, ack=True)
            self.room.retry(message_id, asyncio.get_running_loop().time())
            self.changed([])
            self._expect_ack(message_id, payload, receipt)
        return True

    def discard(self, message_id: str) -> bool:
        """Take an unsent message back, with the changes made to it; False if there is none of this id."""
        if not self.room.discard(message_id):
            return False
        for each in (message_id, *(change for change, about in self._changes.items() if about == message_id)):
            if (receipt := self._receipts.get(each)) is not None:
                receipt.discard()
        self.changed([])
        return True

    # --- own changes

    def edit(self, change_id: str, message: Message, text: str) -> SendResult:
        """Change the text of an own message, and show it; it goes out behind the message itself.

        Raises:
            SendRefused: the outbox does not take it; nothing was changed.
        """
        return self._change(change_id, message, Kind.EDIT, {"text": text})

    def delete(self, change_id: str, message: Message) -> SendResult:
        """Take an own message away. As :meth:`edit`."""
        return self._change(change_id, message, Kind.DELETE, {})

    def react(self, change_id: str, message: Message, emoji: str, *, add: bool) -> SendResult:
        """Add a reaction to a message, or take it back. As :meth:`edit`."""
        return self._change(change_id, message, Kind.REACTION, {"emoji": emoji, "action": "add" if add else "remove"})

    async def load_older(self, limit: int) -> bool:
        """Load a page of what precedes the oldest message; tells whether there is still more.

        Raises:
            SendRefused: the server could not give it.
            ConnectionLost: there is no connection, or it ended.
        """
        return await self._pages.older(limit)

    def close(self) -> None:
        """Tell everybody who waits that this seat hears no more."""
        self._receipts.clear()
        self._pages.disconnected()
        for result in self._results.values():
            result.refused(SendRefused("closed", "the chat client was closed; the message may be delivered yet"))

    # --- inside

    def _restore(self) -> None:
        """Show what an earlier run of the app left in the outbox for this room, and hear of it; its leave is off."""
        for _, receipt in self._socket.claim("room:leave", self._is_for_here):
            receipt.discard()
        now, now_ms = asyncio.get_running_loop().time(), ambient.wall_time_ms()
        for message, receipt in self._socket.claim("chat:message", self._is_own_message):
            payload = message.args[0]
            message_id = payload["messageId"]
            sent_ms = now_ms - round((now - message.queued_at_s) * 1000)
            self.room.send(message_id, payload["text"], timestamp_ms=sent_ms, now=now, reply_to=payload.get("replyTo"))
            self.changed([])
            self._expect_ack(message_id, payload, receipt)
        self._restore_changes(now, now_ms)

    def _restore_changes(self, now: float, now_ms: int) -> None:
        claimed = []
        for kind in Kind:
            claimed += self._socket.claim(kind, partial(self._is_change, kind))
        for message, receipt in sorted(claimed, key=lambda each: each[0].message_id):
            change = self._read_change(message.event, message.args)
            assert change is not None
            made_ms = now_ms - round((now - message.queued_at_s) * 1000)
            payload = message.args[0]
            self.room.change(payload["changeId"], replace(change, timestamp_ms=made_ms))
            self.changed([])
            self._expect_change(payload["changeId"], change, payload, receipt)

    def _is_change(self, kind: Kind, args: tuple[Any, ...]) -> bool:
        return self._read_change(kind, args) is not None

    def _read_change(self, event: str, args: tuple[Any, ...]) -> Amendment | None:
        return change_from(event, args[0], self.room.user_id) if self._is_for_here(args) else None

    def _is_own_message(self, args: tuple[Any, ...]) -> bool:
        return self._is_for_here(args) and {"messageId", "text"} <= args[0].keys()

    def _is_for_here(self, args: tuple[Any, ...]) -> bool:
        return bool(args) and isinstance(args[0], dict) and args[0].get("roomId") == self.room_id

    def _go(self) -> None:
        self._leaving = self._socket.emit("room:leave", {"roomId": self.room_id}, ack=True)
        self._leaving.add_done_callback(lambda receipt: self._release())

    def _join(self) -> None:
        self._is_joining = True
        payload: dict[str, Any] = {"roomId": self.room_id}
        if not self.wanted:
            payload["limit"] = 1  # nobody looks at it
        elif self.room.position is not None:
            payload["since"] = str(self.room.position)
        self._forget_join()
        self._forget_join = self._questions.ask("room:join", payload, JoinReply, self._joined, self._shut_out)

    def _joined(self, reply: JoinReply) -> None:
        if not self.wanted:
            self._is_joining = False
            self._send_early_ones()
            return
        try:
            events = self.room.joined(reply)
        except msgspec.ValidationError as error:
            self._shut_out(SendRefused("malformed_ack", f"the answer to the join was not understood: {error}"))
        else:
            self._is_joining = False
            self._send_early_ones()
            self._pages.go_on(events)

    def _shut_out(self, error: SendRefused) -> None:
        refused = [JoinRefused(self.room_id, error)] if self.wanted else []
        self.wanted = self._is_joining = False
        self._pages.disconnected()
        self._send_early_ones()  # what is refused again is refused for good
        self._publish([*self.room.left(), *refused])
        self._release(error)

    def _expect_ack(self, message_id: str, payload: Mapping[str, Any], receipt: Receipt) -> None:
        self._receipts[message_id] = receipt
        receipt.waits = self._is_too_early
        receipt.on_held = lambda code: self._held(message_id, code)
        receipt.add_done_callback(lambda done: self._answered(message_id, payload, done))

    def _answered(self, message_id: str, payload: Mapping[str, Any], receipt: Receipt) -> None:
        if self._receipts.pop(message_id, None) is not receipt:
            return  # closed
        try:
            reply = read_reply(receipt.result(), SentReply)
        except RealtimeError as error:
            self._refused(message_id, payload, error)
        else:
            self.changed(self.room.acked(message_id, offset=reply.offset, timestamp_ms=reply.timestamp))
            self._pages.fill()

    def _held(self, message_id: str, code: str) -> None:
        self.room.held(message_id, code)
        self.changed([])

    def _refused(self, message_id: str, payload: Mapping[str, Any], error: RealtimeError) -> None:
        if (result := self._results.pop(message_id, None)) is not None:
            result.refused(error)
        self.changed(self.room.refused(message_id, str(error)))

    def _message(self, message_id: str, text: str, reply_to: str | None) -> dict[str, Any]:
        payload = {"roomId": self.room_id, "messageId": message_id, "text": text}
        return payload if reply_to is None else payload | {"replyTo": reply_to}

    def _change(self, change_id: str, message: Message, kind: Kind, content: dict[str, Any]) -> SendResult:
        payload = {"roomId": self.room_id, "messageId": message.message_id, **content, "changeId": change_id}
        change = change_from(kind, payload, self.room.user_id)
        assert change is not None
        receipt = self._socket.emit(kind, payload, ack=True)
        result = self._results[change_id] = SendResult(message.message_id)
        self.room.change(change_id, replace(change, timestamp_ms=ambient.wall_time_ms()))
        self.changed([])
        self._expect_change(change_id, change, payload, receipt)
        return result

    def _expect_change(self, change_id: str, change: Amendment, payload: Mapping[str, Any], receipt: Receipt) -> None:
        self._receipts[change_id] = receipt
        receipt.waits = self._is_too_early
        self._changes[change_id] = change.message_id
        receipt.add_done_callback(lambda done: self._change_answered(change_id, change, payload, done))

    def _change_answered(self, change_id: str, change: Amendment, payload: Mapping[str, Any], receipt: Receipt) -> None:
        if self._receipts.pop(change_id, None) is not receipt:
            return  # closed
        del self._changes[change_id]
        try:
            reply = read_reply(receipt.result(), SentReply)
        except RealtimeError as error:
            self.room.change_refused(change_id)
            self.changed([])
            self._settle(change_id, error)
        else:
            self.changed(self.room.change_acked(change_id, offset=reply.offset, timestamp_ms=reply.timestamp))
            self._settle(change_id, self.room.find(change.message_id))

    def _settle(self, change_id: str, outcome: Message | RealtimeError | None) -> None:
        result = self._results.pop(change_id, None)
        if result is None:
            return
        if isinstance(outcome, Message):
            result.sent(outcome)
        elif outcome is not None:
            result.refused(outcome)
        else:
            result.refused(SendRefused("not_loaded", "the change is done, but its message is not loaded any more"))

    def _is_too_early(self, code: str) -> bool:
        """Whether the join had to queue behind what was refused: that stays in the outbox until this device is in."""
        return code == "not_member" and self._is_joining

    def _send_early_ones(self) -> None:
        for receipt in tuple(self._receipts.values()):
            self._socket.retry(receipt)

    def _publish(self, events: Sequence[SeatEvent]) -> None:
        state = self.room.state()
        shown = self.state.snapshot
        if state.messages is not shown.messages or state != shown:
            self.state.set(state)
        for event in events:
            if isinstance(event, Delivered) and (result := self._results.pop(event.message.message_id, None)):
                result.sent(event.message)
        self._tell(self, events)

    def _waiter(self) -> asyncio.Future[None]:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    def _release(self, error: Exception | None = None) -> None:
        """Let go who waits to come in or go out."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
