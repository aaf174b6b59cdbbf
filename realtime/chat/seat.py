"""This device's place in one room: comes in, stays in, says its messages, goes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from realtime.chat.log_events import Delivered
from realtime.chat.message import RoomState
from realtime.chat.questions import Questions
from realtime.chat.room import Room, RoomEvent
from realtime.chat.send_result import SendResult
from realtime.chat.wire import HistoryReply, JoinReply, SentReply, read_reply
from realtime.connection.errors import SendRefused
from realtime.connection.receipt import Receipt
from realtime.protocol.errors import RealtimeError
from realtime.utils import ambient
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager

PAGE = 200  # messages of history in one request; the server gives no more

_log = logging.getLogger("realtime.chat")


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
        self._is_joining = False  # a join, or a page of what was missed, is on the way
        self._is_filling = False  # a page of what precedes the first page is on the way
        self._leaving: Receipt | None = None
        self._results: dict[str, SendResult] = {}
        self._receipts: dict[str, Receipt] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def unsent(self) -> int:
        """Messages without an acknowledgement."""
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
        self.wanted = True
        if self._leaving is not None:
            self._leaving.discard()
        waiter = None
        if self._socket.connected and not self.room.is_joined:
            waiter = self._waiter()
            if not self._is_joining:
                self._join()
        self._restore()
        if waiter is not None:
            await waiter

    async def leave(self) -> None:
        """Be out of the room from now on; waits for the server's word if there is a connection."""
        if not self.wanted:
            return
        self.wanted = self._is_joining = False
        self.changed(self.room.left())
        waiter = self._waiter() if self._socket.connected else None
        self._leaving = self._socket.emit("room:leave", {"roomId": self.room_id}, ack=True)
        self._leaving.add_done_callback(lambda receipt: self._release())
        if waiter is not None:
            await waiter

    def connected(self) -> None:
        """A connection began, and its outbox is not written yet: the join must precede the messages."""
        if self.wanted:
            self._join()

    def disconnected(self) -> None:
        """The connection ended."""
        self._is_joining = self._is_filling = False
        self.changed(self.room.disconnected())
        self._release()

    # --- own messages

    def send(self, message_id: str, text: str, reply_to: str | None) -> SendResult:
        """Send a message and show it.

        Raises:
            SendRefused: the outbox does not take it; nothing was shown.
        """
        payload = {"roomId": self.room_id, "messageId": message_id, "text": text}
        if reply_to is not None:
            payload["replyTo"] = reply_to
        receipt = self._socket.emit("chat:message", payload, ack=True)
        result = self._results[message_id] = SendResult(message_id)
        now = asyncio.get_running_loop().time()
        self.room.send(message_id, text, timestamp_ms=ambient.wall_time_ms(), now=now, reply_to=reply_to)
        self.changed([])
        self._expect_ack(message_id, payload, receipt)
        return result

    def discard(self, message_id: str) -> bool:
        """Take an unsent message back; False if there is none of this id."""
        if not self.room.discard(message_id):
            return False
        if (receipt := self._receipts.get(message_id)) is not None:
            receipt.discard()
        self.changed([])
        return True

    def close(self) -> None:
        """Tell everybody who waits that this seat hears no more."""
        self._receipts.clear()
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

    def _is_own_message(self, args: tuple[Any, ...]) -> bool:
        return self._is_for_here(args) and {"messageId", "text"} <= args[0].keys()

    def _is_for_here(self, args: tuple[Any, ...]) -> bool:
        return bool(args) and isinstance(args[0], dict) and args[0].get("roomId") == self.room_id

    def _join(self) -> None:
        self._is_joining = True
        payload = {"roomId": self.room_id}
        if self.room.position is not None:
            payload["since"] = str(self.room.position)
        self._questions.ask("room:join", payload, JoinReply, self._joined, self._shut_out)

    def _joined(self, reply: JoinReply) -> None:
        if not self.wanted:
            return
        try:
            events = self.room.joined(reply)
        except msgspec.ValidationError as error:
            self._shut_out(SendRefused("malformed_ack", f"the answer to the join was not understood: {error}"))
        else:
            self._go_on(events)

    def _continued(self, reply: HistoryReply) -> None:
        self._go_on(self.room.continued(reply))

    def _stopped_short(self, error: SendRefused) -> None:
        _log.warning("the history of %s is incomplete: %s", self.room_id, error)
        self._continued(HistoryReply(messages=(), more=False, recovered=False))

    def _go_on(self, events: list[RoomEvent]) -> None:
        """A page of what was missed arrived: ask for the next one, or be in."""
        self._is_joining = self.room.wants_more
        if (position := self.room.position) is not None and self.room.wants_more:
            payload = {"roomId": self.room_id, "after": position.offset, "limit": PAGE}
            self._questions.ask("chat:history", payload, HistoryReply, self._continued, self._stopped_short)
        self.changed(events)
        if self.room.is_joined:
            self._release()
            self._fill()

    def _fill(self) -> None:
        """Ask for what an own message before the first page makes wanted."""
        if self._is_filling or (after := self.room.wants_older) is None:
            return
        self._is_filling = True
        payload = {"roomId": self.room_id, "after": after, "limit": PAGE}
        self._questions.ask("chat:history", payload, HistoryReply, self._filled, self._not_filled)

    def _filled(self, reply: HistoryReply) -> None:
        self._is_filling = False
        self.changed(self.room.filled(reply))
        self._fill()

    def _not_filled(self, error: SendRefused) -> None:
        _log.warning("older messages of %s are missing: %s", self.room_id, error)
        self._filled(HistoryReply(messages=(), more=False, recovered=False))

    def _shut_out(self, error: SendRefused) -> None:
        self.wanted = self._is_joining = False
        self._publish([*self.room.left(), JoinRefused(self.room_id, error)])
        self._release(error)

    def _expect_ack(self, message_id: str, payload: Mapping[str, Any], receipt: Receipt) -> None:
        self._receipts[message_id] = receipt
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
            self._fill()

    def _refused(self, message_id: str, payload: Mapping[str, Any], error: RealtimeError) -> None:
        if isinstance(error, SendRefused) and error.code == "not_member" and self._is_joining:
            # The connection was so busy that the join had to queue behind the message: send it again, behind the join.
            self._expect_ack(message_id, payload, self._socket.emit("chat:message", payload, ack=True))
            return
        if (result := self._results.pop(message_id, None)) is not None:
            result.refused(error)
        self.changed(self.room.refused(message_id, str(error)))

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
