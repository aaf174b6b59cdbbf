"""From emit to receipt, over connections that come and go (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.holdback import TEMPORARY, Holdback, refusal_code, retry_after_s
from realtime.connection.message_queue import Outbox, QueuedMessage
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.protocol.socketio import encode_event


class Line(Protocol):
    """What is needed of an open connection."""

    @property
    def writable(self) -> bool:
        """Whether it is open and its write buffer has room."""
        ...

    def write(self, text: bytes, attachments: tuple[bytes, ...] = ()) -> None:
        """Write a text frame and the binary frames that belong to it."""
        ...


class Delivery:
    """Moves messages from an outbox to whatever connection there is, and keeps their receipts.

    Args:
        outbox: holds what is not yet known to have arrived.
        namespace: goes into every packet.
    """

    def __init__(self, outbox: Outbox, *, namespace: str) -> None:
        self.max_payload: int | None = None
        """Bytes that the server accepts in one frame, once it has said so."""
        self._outbox = outbox
        self._namespace = namespace
        self._receipts = {each.message_id: Receipt(each.message_id, self._discard) for each in outbox.messages}
        self._unclaimed = dict.fromkeys(self._receipts)  # of an earlier run of the app
        self._holdback = Holdback()
        self._refused: list[int] = []  # written, and to be written again after the pause
        self._awaits_answers = False  # the pause is over but for those
        self._asked: dict[int, Receipt] = {}  # volatile messages that wait for their answer

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """Everything in the outbox, oldest first."""
        return self._outbox.messages

    @property
    def size_bytes(self) -> int:
        """Payload bytes in the outbox."""
        return self._outbox.size_bytes

    @property
    def queued(self) -> int:
        """Messages to write, or to write again."""
        return self._outbox.queued

    @property
    def unacked(self) -> int:
        """Messages written, that wait for their acknowledgement."""
        return self._outbox.unacked + len(self._asked)

    def submit(
        self, event: str, args: tuple[Any, ...], *, ack: bool, volatile: bool, now: float, line: Line | None
    ) -> Receipt:
        """Take a message. Unless it is volatile, you must then :meth:`flush` to the line, if there is one.

        Args:
            event: the event's name.
            args: its arguments; they are encoded now.
            ack: whether the server shall acknowledge it.
            volatile: written to ``line`` now or never.
            now: the time.
            line: the open connection, if there is one.

        Raises:
            SendRefused: it does not fit into the outbox, or is too large for the server.
            LocalProtocolError: it cannot be encoded.
        """
        message_id = self._outbox.next_id()
        packet = encode_event(event, args, namespace=self._namespace, ack_id=message_id if ack else None)
        message = QueuedMessage(
            message_id=message_id,
            event=event,
            args=args,
            ack=ack,
            text=packet.text,
            attachments=packet.attachments,
            queued_at_s=now,
        )
        if (refusal := self._too_large(message)) is not None:
            raise refusal
        receipt = Receipt(message_id, self._discard)
        if volatile:
            self._send_now_or_never(message, receipt, line)
        else:
            dropped = self._outbox.put(message)
            self._receipts[message_id] = receipt
            for oldest in dropped:
                self._give_up(oldest, "dropped", "made way for newer ones: the outbox is full")
        return receipt

    def claim(self, event: str, wanted: Callable[[tuple[Any, ...]], bool]) -> list[tuple[QueuedMessage, Receipt]]:
        """What an earlier run of the app left in the outbox, each to whoever asks first; then :meth:`flush`.

        They go out unclaimed as well; but as nobody would hear of a refusal, a refused one stays until it is claimed,
        and is written again then.

        Args:
            event: the event's name.
            wanted: tells by its arguments whether a message is wanted.
        """
        if not self._unclaimed:
            return []
        claimed = []
        for message in self._outbox.messages:
            number = message.message_id
            if number in self._unclaimed and message.event == event and wanted(message.args):
                del self._unclaimed[number]
                claimed.append((message, self._receipts[number]))
                if self._receipts[number].status is ReceiptStatus.QUEUED:
                    self._outbox.retry(number)
        return claimed

    def retry(self, receipt: Receipt) -> None:
        """Write a message again that the server refused and that waits for this; then :meth:`flush`."""
        if receipt.status is ReceiptStatus.QUEUED:
            self._outbox.retry(receipt.message_id)

    def flush(self, line: Line) -> None:
        """Write as much of the outbox as the line takes; nothing while the server cannot store it."""
        if self._holdback.until_s is not None:
            return
        while line.writable and (message := self._outbox.next_unwritten()) is not None:
            # What the server's limit forbids would end this connection, and every one after it.
            if (refusal := self._too_large(message)) is not None:
                self._outbox.discard(message.message_id)
                self._fail(message.message_id, refusal)
                continue
            line.write(message.text, message.attachments)
            self._outbox.written(message.message_id)
            if message.ack:
                if (receipt := self._receipts.get(message.message_id)) is not None:
                    receipt.sent()
            elif (receipt := self._receipts.pop(message.message_id, None)) is not None:
                receipt.sent(final=True)

    def acked(self, message_id: int, args: tuple[Any, ...], now: float) -> bool:
        """The server acknowledged a message; an acknowledgement that nobody waits for is ignored.

        Returns:
            False if :meth:`next_timer` may have changed: the server could not take the message for now, or this is the
            last answer before others are written again. So it is too if the message stays in the outbox because the
            server refused what nobody has claimed, or what waits for a retry.
        """
        receipt = self._asked.pop(message_id, None)
        if receipt is None:
            if (code := refusal_code(args)) is not None and self._keeps(message_id, code, now, args):
                self._end_pause(now)
                return False
            if self._outbox.acked(message_id):
                receipt = self._receipts.pop(message_id, None)
                self._unclaimed.pop(message_id, None)
                self._holdback.taken()
        if receipt is not None:
            receipt.acked(args[0] if args else None)
        return not (self._awaits_answers and self._end_pause(now))

    def connection_ended(self, reason: str) -> None:
        """Whatever was written and not acknowledged must be written again; volatile questions stay unanswered."""
        self._holdback.another_connection()
        self._awaits_answers = False
        self._refused.clear()
        for message_id in self._outbox.rewind():
            if (receipt := self._receipts.get(message_id)) is not None:
                receipt.queued()
        asked, self._asked = self._asked, {}
        for receipt in asked.values():
            receipt.failed(ConnectionLost(reason))

    def handle_timer(self, now: float) -> None:
        """Give up the messages that got too old before they could be written; after a pause you must flush."""
        for message in self._outbox.expire(now):
            self._give_up(message, "expired", f"was {now - message.queued_at_s:.0f} s old and not delivered")
        if not self._holdback.is_over(now):
            return
        if not self._awaits_answers and self._is_under_way():
            # Refused as well, for all that is known; what is written now would overtake it.
            self._awaits_answers = True
            self._holdback.wait_on(now)
        else:
            self._awaits_answers = False
            refused, self._refused = self._refused, []
            for message_id in refused:
                self._outbox.retry(message_id)

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, or None for never."""
        expiry, pause = self._outbox.next_timer(), self._holdback.until_s
        if expiry is None or pause is None:
            return pause if expiry is None else expiry
        return min(expiry, pause)

    def _is_under_way(self) -> bool:
        """Whether a message was written and not answered."""
        return any(receipt.status is ReceiptStatus.SENT for receipt in self._receipts.values())

    def _end_pause(self, now: float) -> bool:
        """End a pause that only waits for answers, if this was the last of them."""
        if not self._awaits_answers or self._is_under_way():
            return False
        self._holdback.end(now)
        return True

    def _send_now_or_never(self, message: QueuedMessage, receipt: Receipt, line: Line | None) -> None:
        if line is None or not line.writable:
            why = "there is no connection" if line is None else "the connection is busy"
            receipt.failed(SendRefused("volatile", f"{message.event!r} was dropped: it is volatile, and {why}"))
            return
        line.write(message.text, message.attachments)
        receipt.sent(final=not message.ack)
        if message.ack:
            self._asked[message.message_id] = receipt

    def _keeps(self, message_id: int, code: str, now: float, args: tuple[Any, ...]) -> bool:
        """Whether a refused message stays in the outbox."""
        receipt = self._receipts.get(message_id)
        if receipt is None or receipt.status is not ReceiptStatus.SENT:
            return False
        if code in TEMPORARY and receipt.keeps_trying:
            self._holdback.refused(now, after_s=retry_after_s(args))
            self._refused.append(message_id)
        elif message_id not in self._unclaimed and not (receipt.waits is not None and receipt.waits(code)):
            return False
        receipt.queued()
        if code in TEMPORARY and receipt.on_held is not None:
            receipt.on_held(code)
        return True

    def _give_up(self, message: QueuedMessage, code: str, why: str) -> None:
        fate = "; it was written before and may have arrived" if message.writes else ""
        self._fail(message.message_id, SendRefused(code, f"{message.event!r} {why}{fate}"))

    def _too_large(self, message: QueuedMessage) -> SendRefused | None:
        size = max(map(len, (message.text, *message.attachments)))
        if self.max_payload is None or size <= self.max_payload:
            return None
        return SendRefused(
            "message_too_large",
            f"{message.event!r} has a frame of {size} bytes, and the server takes {self.max_payload} bytes; "
            "send less at once",
        )

    def _discard(self, message_id: int) -> bool:
        found = self._asked.pop(message_id, None) is not None or self._outbox.discard(message_id)
        if found:
            self._receipts.pop(message_id, None)
        return found

    def _fail(self, message_id: int, error: SendRefused) -> None:
        if (receipt := self._receipts.pop(message_id, None)) is not None:
            receipt.failed(error)
