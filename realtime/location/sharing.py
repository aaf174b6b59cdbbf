"""The driver of one's own fixes: what is shared with one room, over connections that come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from realtime.connection.net_info import NetType
from realtime.connection.receipt import Receipt
from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from realtime.location.fix_flow import Batch, FixFlow
from realtime.location.kept_fixes import SAVED_AFTER_S, KeptFixes
from realtime.location.precision import check_precision, rounded
from realtime.location.resolution import Resolution
from realtime.location.wire import Verdict
from realtime.protocol.errors import RealtimeError
from realtime.utils import ambient
from realtime.utils.alarm import Alarm

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager

STOPPED = "stopped"
"""The usual reason why a position is not shared any more; it goes without saying."""

_FINAL = frozenset({"invalid_payload"})
"""Refusals of what will never be taken, however often it is told."""

_log = logging.getLogger("realtime.location")


class Sharing:
    """Tells one room of one's own fixes until :meth:`end`, or until the time is over. Call it on the loop.

    Args:
        socket: the connection.
        room_id: a room that this device has joined.
        resolution: how often.
        max_kept: fixes that wait for a connection, at most.
        precision_m: the side of the grid's cells to which positions are rounded; None: they are exact.
        until_ms: when sharing ends by itself, by this device's wall clock; None: never.
        rejected: called with a fix that the server did not take, and its reason.
        expired: called when the time is over.
        unsent: fixes that this room should have had before.
        store: where those are kept that wait, and where an earlier run of the app left them.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        socket: SocketManager,
        room_id: str,
        *,
        resolution: Resolution,
        max_kept: int,
        precision_m: float | None,
        until_ms: int | None,
        rejected: Callable[[Fix, str], object],
        expired: Callable[[], object],
        unsent: Sequence[Fix] = (),
        store: KeptFixes | None = None,
    ) -> None:
        if precision_m is not None:
            check_precision(precision_m)
            # In the same cell there is nothing new to tell.
            resolution = replace(resolution, displacement_m=max(resolution.displacement_m, precision_m / 2))
        self.room_id = room_id
        self._socket = socket
        self._precision_m = precision_m
        self._until_ms = until_ms
        self._rejected = rejected
        self._flow = FixFlow(resolution, max_kept=max_kept, unsent=tuple(map(self._as_told, unsent)))
        self._alarm = Alarm(lambda now: self._tell(self._flow.handle_timer(now)))
        self._end_alarm = Alarm(lambda now: expired())
        self._store = store
        self._left = () if store is None or unsent else store.of(room_id)  # by an earlier run; told with the first fix
        self._save_alarm = Alarm(lambda now: self._save())
        if until_ms is not None:
            self._end_alarm.set(_now() + max(0, until_ms - ambient.wall_time_ms()) / 1000)
        if not socket.connected:
            self._flow.offline()

    def __repr__(self) -> str:
        return f"<Sharing room={self.room_id} kept={len(self._flow.unacked)}>"

    @property
    def kept(self) -> tuple[Fix, ...]:
        """What the server does not have yet."""
        return (*self._left, *self._flow.unacked)

    def offer(self, fix: Fix) -> None:
        """A fix was measured."""
        if self._left:
            self._flow.restore(tuple(map(self._as_told, self._left)))
            self._left = ()
        self._tell(self._flow.offer(self._as_told(fix), _now()))

    def conditions(self, *, net: NetType, battery: BatteryStatus) -> None:
        """What the device says of its network and its battery."""
        self._flow.conditions(net=net, battery=battery)
        self._tell(self._flow.handle_timer(_now()))

    def connected(self) -> None:
        """A connection began."""
        self._tell(self._flow.online(_now()))

    def disconnected(self) -> None:
        """It ended."""
        self._flow.offline()
        self._alarm.set(self._flow.next_timer())

    def pause(self) -> None:
        """Tell nothing until :meth:`resume`."""
        self._flow.pause(_now())
        self._alarm.set(None)
        self._save()

    def resume(self) -> None:
        """Go on after :meth:`pause`; harmless without one."""
        self._tell(self._flow.resume(_now()))

    def close(self) -> None:
        """Forget everything, without a word to the room; what is kept stays on the disk."""
        self._save()
        self._store = None
        self._flow.clear()
        self._alarm.set(None)
        self._end_alarm.set(None)

    def end(self, reason: str) -> Receipt:
        """Forget everything, on the disk as well, and take this device off the others' maps: with the message returned.

        It is written until the server answers it, so discard it if this room is told of positions again.
        """
        self._left = ()
        self._flow.clear()
        self.close()
        payload = {"roomId": self.room_id} if reason == STOPPED else {"roomId": self.room_id, "reason": reason}
        return self._socket.emit("location:stop", payload, ack=True)

    def _as_told(self, fix: Fix) -> Fix:
        return fix if self._precision_m is None else rounded(fix, self._precision_m)

    def _tell(self, batch: Batch | None) -> None:
        """Send ``batch``, if there is one, and wait for what is due next."""
        if batch is not None:
            payload: dict[str, Any] = {"roomId": self.room_id, "fixes": [fix.to_wire() for fix in batch.fixes]}
            if self._until_ms is not None:
                # The server has another clock: how far away the end is, that is what it can know.
                payload |= {"until": self._until_ms, "sentAt": ambient.wall_time_ms()}
            receipt = self._socket.emit("location:update", payload, ack=True, volatile=True)
            if receipt.done:
                self._flow.returned(batch.number)
            else:
                receipt.add_done_callback(lambda receipt: self._answered(batch, receipt))
        self._alarm.set(self._flow.next_timer())
        if self._store is not None and self._save_alarm.due is None:
            self._save_alarm.set(_now() + SAVED_AFTER_S)

    def _save(self) -> None:
        self._save_alarm.set(None)
        if self._store is not None:
            self._store.set(self.room_id, self.kept)

    def _answered(self, batch: Batch, receipt: Receipt) -> None:
        try:
            verdict = Verdict.from_wire(receipt.result())
        except RealtimeError:
            return  # lost with its connection; told again at the next one
        if verdict.refusal is not None:
            _log.warning("the server refused a location update: %s", receipt.result())
            if verdict.refusal in _FINAL:
                self._flow.given_up(batch.number)
            else:
                self._flow.returned(batch.number)
        for index, reason in verdict.rejected:
            if 0 <= index < len(batch.fixes):
                self._rejected(batch.fixes[index], reason)
        self._tell(self._flow.acked(batch.number, _now()))


def _now() -> float:
    return asyncio.get_running_loop().time()
