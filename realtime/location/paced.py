"""The driver of own fixes that the app itself is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from realtime.location.fix_flow import Batch, FixFlow
from realtime.location.resolution import Resolution
from realtime.utils.alarm import Alarm

_log = logging.getLogger("realtime.location")


class Paced:
    """Hands on fixes as often as a room is told of them whose connection never fails. Call it on the loop.

    Args:
        resolution: how often.
        told: called with the newest fix. What it raises is logged.
    """

    def __init__(self, resolution: Resolution, told: Callable[[Fix], object]) -> None:
        self._told = told
        self._flow = FixFlow(resolution)
        self._alarm = Alarm(lambda now: self._tell(self._flow.handle_timer(now)))

    def offer(self, fix: Fix) -> None:
        """A fix was measured."""
        self._tell(self._flow.offer(fix, _now()))

    def conditions(self, *, net: NetType, battery: BatteryStatus) -> None:
        """What the device says of its network and its battery."""
        self._flow.conditions(net=net, battery=battery)
        self._tell(self._flow.handle_timer(_now()))

    def pause(self) -> None:
        """Tell nothing until :meth:`resume`."""
        self._flow.pause(_now())
        self._alarm.set(None)

    def resume(self) -> None:
        """Go on after :meth:`pause`; harmless without one."""
        self._tell(self._flow.resume(_now()))

    def close(self) -> None:
        """Tell nothing any more."""
        self._flow.clear()
        self._alarm.set(None)

    def _tell(self, batch: Batch | None) -> None:
        while batch is not None:
            try:
                self._told(batch.fixes[-1])
            except Exception:
                _log.exception("on_update failed; the tracking goes on")
            batch = self._flow.acked(batch.number, _now())
        self._alarm.set(self._flow.next_timer())


def _now() -> float:
    return asyncio.get_running_loop().time()
