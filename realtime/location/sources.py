"""Where fixes come from: recorded tracks and simulated walks; anything that can be iterated with ``async for``."""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from realtime.location.fix import Fix
from realtime.location.track import Track, TrackPoint, read_gpx
from realtime.utils import ambient
from realtime.utils.geo import LatLon, bearing_deg, check_position, destination, distance_m


@runtime_checkable
class LocationSource(Protocol):
    """Gives the fixes of one device, each when it is measured.

    It is iterated only while somebody wants fixes, and again after a pause: then it goes on with the present
    position, not with those that were missed.
    """

    def __aiter__(self) -> AsyncIterator[Fix]: ...


class _Steps:
    """Wakes at whole multiples of an interval after the first use, and once at every return from a pause."""

    def __init__(self, interval_s: float) -> None:
        if not interval_s > 0:
            raise ValueError(f"interval_s must be positive, got {interval_s}")
        self._interval_s = interval_s
        self._start_s: float | None = None
        self._due_s = 0.0

    async def next(self, end_s: float = math.inf) -> float:
        """Wait for the next step, or for ``end_s`` if that is sooner; seconds since the first step."""
        loop = asyncio.get_running_loop()
        if self._start_s is None:
            self._start_s = loop.time()
        delay_s = self._start_s + min(self._due_s, end_s) - loop.time()
        if delay_s > 0:
            await asyncio.sleep(delay_s)
        elapsed_s = loop.time() - self._start_s
        self._due_s = (math.floor(elapsed_s / self._interval_s + 1e-6) + 1) * self._interval_s
        return elapsed_s


class GpxSource:
    """Follows a recorded track as if it were ridden now. The ride goes on while nobody iterates.

    Args:
        track: a GPX file (needs ``gpxpy``), or a track.
        speed: how many seconds of the track pass in one second.
        interval_s: time between two fixes, in seconds; places between the track's points are interpolated.
        accuracy_m: what the fixes say about themselves.

    Raises:
        ImportError: ``gpxpy`` is needed and not installed.
        ValueError: the file has no track with times, or an option makes no sense.
    """

    def __init__(
        self, track: str | Path | Track, *, speed: float = 1.0, interval_s: float = 1.0, accuracy_m: float = 5.0
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, got {speed}")
        _check_accuracy(accuracy_m)
        self.track = track if isinstance(track, Track) else read_gpx(track)
        self._speed = speed
        self._accuracy_m = accuracy_m
        self._steps = _Steps(interval_s)
        self._has_ended = False

    def __repr__(self) -> str:
        return f"<GpxSource {self.track!r} speed={self._speed:g}>"

    def __aiter__(self) -> AsyncIterator[Fix]:
        return self

    async def __anext__(self) -> Fix:
        if self._has_ended:
            raise StopAsyncIteration
        end_s = self.track.duration_s / self._speed
        elapsed_s = await self._steps.next(end_s)
        self._has_ended = elapsed_s >= end_s - 1e-6
        at_s = math.inf if self._has_ended else elapsed_s * self._speed
        moment = self.track.at(at_s)
        return Fix(
            latitude=moment.latitude,
            longitude=moment.longitude,
            accuracy_m=self._accuracy_m,
            timestamp_ms=ambient.wall_time_ms(),
            speed_mps=moment.speed_mps * self._speed,
            heading_deg=moment.heading_deg,
        )


class Recorded(Protocol):
    """What a :class:`TraceSource` needs of a trace: :class:`realtime.network.trace_model.Trace` has it."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def positions(self) -> Sequence[Any]:
        """Each with ``t_ns`` since the start, ``latitude`` and ``longitude``, in the order of their times."""


class TraceSource(GpxSource):
    """Rides along where a trace of a network was recorded, as a phone does whose network follows the same trace.

    Args:
        trace: one with places, from ``realtime.network.traces.load_trace``.
        speed: as of :class:`GpxSource`, like the others.
        interval_s: see there.
        accuracy_m: see there.

    Raises:
        ValueError: the trace has fewer than two places, or an option makes no sense.
    """

    def __init__(
        self, trace: Recorded, *, speed: float = 1.0, interval_s: float = 1.0, accuracy_m: float = 5.0
    ) -> None:
        if len(trace.positions) < 2:
            raise ValueError(f"the trace {trace.name!r} has no places; take one that was recorded with GPS")
        points = (TrackPoint(each.t_ns / 1e9, each.latitude, each.longitude) for each in trace.positions)
        super().__init__(Track(tuple(points)), speed=speed, interval_s=interval_s, accuracy_m=accuracy_m)
        self._name = trace.name

    def __repr__(self) -> str:
        return f"<TraceSource {self._name!r} {self.track!r}>"


class SimulatedWalk:
    """Someone who strolls around a place for ever. The walk goes on while nobody iterates.

    Args:
        start: latitude and longitude in degrees: where the walk begins, and what it stays around.
        rng: the walk is the same for the same seed and steps.
        speed_mps: metres per second.
        radius_m: farther away than this, it turns back.
        interval_s: time between two fixes, in seconds.
        accuracy_m: what the fixes say about themselves.

    Raises:
        ValueError: an option makes no sense.
    """

    def __init__(
        self,
        start: LatLon,
        *,
        rng: random.Random | None = None,
        speed_mps: float = 1.4,
        radius_m: float = 500.0,
        interval_s: float = 1.0,
        accuracy_m: float = 5.0,
    ) -> None:
        check_position(*start)
        _check_accuracy(accuracy_m)
        self._start = self._place = start
        self._rng = rng or ambient.new_random()
        self._speed_mps = speed_mps
        self._radius_m = radius_m
        self._interval_s = interval_s
        self._accuracy_m = accuracy_m
        self._heading_deg = self._rng.uniform(0, 360)
        self._steps = _Steps(interval_s)
        self._walked_s = 0.0

    def __repr__(self) -> str:
        return f"<SimulatedWalk around {self._start[0]:.4f}, {self._start[1]:.4f}>"

    def __aiter__(self) -> AsyncIterator[Fix]:
        return self

    async def __anext__(self) -> Fix:
        elapsed_s = await self._steps.next()
        while (left_s := elapsed_s - self._walked_s) > 1e-6:
            step_s = min(self._interval_s, left_s)
            self._walk(step_s)
            self._walked_s += step_s
        return Fix(
            latitude=self._place[0],
            longitude=self._place[1],
            accuracy_m=self._accuracy_m,
            timestamp_ms=ambient.wall_time_ms(),
            speed_mps=self._speed_mps,
            heading_deg=self._heading_deg,
        )

    def _walk(self, step_s: float) -> None:
        """One step: straight on with a little sway, or home if too far away."""
        if distance_m(self._start, self._place) > self._radius_m:
            self._heading_deg = bearing_deg(self._place, self._start)
        else:
            self._heading_deg = (self._heading_deg + self._rng.gauss(0, 15)) % 360
        self._place = destination(self._place, self._heading_deg, self._speed_mps * step_s)


class StreamSource:
    """A plain async iterator as a source: it is read to its end, and of what nobody waits for the newest is kept.

    Whoever stops iterating in the middle would end an async generator; this one goes on behind the scenes, so tracking
    can pause and resume. It is read from the first iteration on.

    Args:
        fixes: where they come from.
    """

    def __init__(self, fixes: AsyncIterable[Fix]) -> None:
        self._fixes = fixes
        self._waiting: deque[Fix] = deque()
        self._news = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._readers = 0

    def __repr__(self) -> str:
        return f"<StreamSource {self._fixes!r}>"

    async def __aiter__(self) -> AsyncIterator[Fix]:
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._read())
        self._readers += 1
        try:
            while True:
                while self._waiting:
                    yield self._waiting.popleft()
                if self._pump.done():
                    if not self._pump.cancelled():
                        self._pump.result()
                    return
                self._news.clear()
                await self._news.wait()
        finally:
            self._readers -= 1

    def close(self) -> None:
        """Read no more. Harmless if nothing is read."""
        if self._pump is not None:
            self._pump.cancel()

    async def _read(self) -> None:
        try:
            async for fix in self._fixes:
                if not self._readers:
                    self._waiting.clear()
                self._waiting.append(fix)
                self._news.set()
        finally:
            asyncio.get_running_loop().call_soon(self._news.set)  # when this task is done


def _check_accuracy(accuracy_m: float) -> None:
    if not accuracy_m >= 0:
        raise ValueError(f"accuracy_m must be at least 0, got {accuracy_m}")
