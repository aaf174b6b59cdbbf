"""Questions to the server that are good for one connection only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from realtime.connection.errors import SendRefused
from realtime.connection.holdback import TEMPORARY
from realtime.connection.receipt import Receipt
from realtime.connection.verdict import read_reply
from realtime.protocol.errors import RealtimeError

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager

R = TypeVar("R")

Read = Callable[[object, type[Any]], Any]


class Questions:
    """Asks and forgets: what is not answered on its connection is not asked again, and a late answer is ignored.

    Call :meth:`another_connection` when a connection begins, and when it ends.

    Args:
        socket: the connection.
        read: makes a value of an acknowledgement: see :func:`~realtime.connection.verdict.read_reply`.
    """

    def __init__(self, socket: SocketManager, read: Read = read_reply) -> None:
        self._socket = socket
        self._read = read
        self._connection = 0
        self._queued: dict[int, Receipt] = {}

    def another_connection(self) -> None:
        """Forget what was asked so far."""
        self._connection += 1
        queued, self._queued = self._queued, {}
        for receipt in queued.values():
            receipt.discard()

    def ask(
        self,
        event: str,
        payload: Mapping[str, Any],
        kind: type[R],
        answered: Callable[[R], None],
        refused: Callable[[SendRefused], None],
    ) -> Callable[[], None]:
        """Ask ahead of the outbox, or behind it if the connection is busy. You must be connected.

        A question that the server could not answer for now is asked again from the outbox, which keeps trying.

        Args:
            event: the question.
            payload: its argument.
            kind: what the answer is read as.
            answered: called with the answer.
            refused: called with the server's refusal, or if the answer was not understood.

        Returns:
            Call it if the answer does not matter any more.
        """
        connection = self._connection
        is_queued = False
        asked: Receipt | None = None  # None: forgotten

        def done(receipt: Receipt) -> None:
            self._queued.pop(receipt.message_id, None)
            if connection != self._connection or asked is not receipt:
                return
            try:
                reply: R = self._read(receipt.result(), kind)
            except SendRefused as error:
                if error.code in TEMPORARY and not is_queued:
                    queue()
                else:
                    refused(error)
            except RealtimeError:
                pass  # lost with its connection
            else:
                answered(reply)

        def queue() -> None:
            nonlocal is_queued, asked
            is_queued = True
            asked = self._socket.emit(event, payload, ack=True)
            self._queued[asked.message_id] = asked
            asked.add_done_callback(done)

        def forget() -> None:
            nonlocal asked
            receipt, asked = asked, None
            if receipt is not None:
                receipt.discard()

        asked = self._socket.emit(event, payload, ack=True, volatile=True)
        if asked.done:  # dropped
            queue()
        else:
            asked.add_done_callback(done)
        return forget
