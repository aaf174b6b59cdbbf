"""Fixes in, crossings out (pure): enter, exit and dwell, once each, for any number of fences and of devices."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import msgspec

from realtime.location.fix import Fix
from realtime.location.geofence import Fence, shapely_module
from realtime.utils.geo import LatLon, distance_m, interpolate

_CONFIRM = 2
"""So many fixes in a row that are clear of the border make a crossing; one suffices twice as far from it."""


class Crossing(enum.StrEnum):
    """What happened at a fence."""

    ENTER = "enter"
    EXIT = "exit"
    DWELL = "dwell"
    """One has been inside for as long as the fence says."""


class Transition(NamedTuple):
    """A crossing.

    Args:
        fence_id: of the fence.
        kind: what happened.
        at_ms: when, interpolated between the fixes before and after.
        fix: where and when; its accuracy is the worse one of those two.
    """

    fence_id: str
    kind: Crossing
    at_ms: int
    fix: Fix


class _Standing(msgspec.Struct):
    """How a device stands to a fence."""

    is_inside: bool = False  # for certain
    side: bool = False  # by the last fix alone
    crossed: Fix | None = None  # where it came to this side
    votes: int = 0
    entered_ms: int = 0
    has_dwelt: bool = False

    @property
    def is_remarkable(self) -> bool:
        return self.is_inside or self.side or self.votes > 0


class _Track(msgspec.Struct):
    """A device."""

    last: Fix | None = None
    standings: dict[str, _Standing] = {}


_TRACK = msgspec.json.Decoder(_Track)


class GeofenceMonitor:
    """Judges the ways of any number of devices. Call :meth:`feed` with each fix, in the order of their times.

    One is inside when the circle of accuracy is well inside, and outside when it is well outside; in between nothing
    changes, so noise on the border makes no crossings. How well, that is ``hysteresis`` accuracies from the border (of
    a small fence, half of its size), twice in a row, or twice as far once. A circle of accuracy that is larger than the
    fence never says inside. A fence that was crossed wholly between two fixes is told of as well, if the straight way
    between them comes that deep. After a longer silence no way is guessed: who is on the other side of a border then
    has crossed it when that is seen. Needs ``shapely``.

    Args:
        fences: to begin with.
        hysteresis: in accuracies, the radius of which holds 68 %: 2 are three standard deviations.
        guess_within_s: so long a silence may be, in seconds, that the way during it is taken for straight; an hour is
            longer than tunnels are.

    Raises:
        ValueError: ``hysteresis`` is not above 0, ``guess_within_s`` is below, or two fences have one id.
        ImportError: ``shapely`` is not installed.
    """

    def __init__(
        self, fences: Iterable[Fence] = (), *, hysteresis: float = 2.0, guess_within_s: float = 3600.0
    ) -> None:
        if not hysteresis > 0:
            raise ValueError(f"hysteresis must be above 0, not {hysteresis}")
        if not guess_within_s >= 0:
            raise ValueError(f"guess_within_s must be at least 0, not {guess_within_s}")
        self._shapely = shapely_module()
        self._hysteresis = hysteresis
        self._guess_within_s = guess_within_s
        self._fences: dict[str, Fence] = {}
        self._tracks: dict[Hashable, _Track] = {}
        self._tree: Any = None  # made when it is needed
        self._of_tree: list[Fence] = []
        for fence in fences:
            self.add(fence)

    def __repr__(self) -> str:
        return f"<GeofenceMonitor fences={len(self._fences)} devices={len(self._tracks)}>"

    @property
    def fences(self) -> tuple[Fence, ...]:
        """All fences, in the order they were added."""
        return tuple(self._fences.values())

    def add(self, fence: Fence) -> None:
        """Watch a fence from now on; who is in it enters with the next fix.

        Raises:
            ValueError: there is a fence of this id.
        """
        if fence.fence_id in self._fences:
            raise ValueError(f"there is a fence {fence.fence_id!r} already; remove it first")
        self._fences[fence.fence_id] = fence
        self._tree = None

    def remove(self, fence_id: str) -> None:
        """Watch a fence no more; who is in it is not told to have left.

        Raises:
            KeyError: there is no such fence.
        """
        if fence_id not in self._fences:
            raise KeyError(f"there is no fence {fence_id!r}")
        del self._fences[fence_id]
        self._tree = None
        for track in self._tracks.values():
            track.standings.pop(fence_id, None)

    def forget(self, subject: Hashable) -> None:
        """A device is gone; it is told of nothing, and begins anew if it comes back."""
        self._tracks.pop(subject, None)

    def kept(self, subject: Hashable = None) -> str | None:
        """What is known of a device, for :meth:`restore` in another process; None: nothing is."""
        track = self._tracks.get(subject)
        return None if track is None else msgspec.json.encode(track).decode()

    def restore(self, kept: str, subject: Hashable = None) -> None:
        """Go on with a device where another monitor was; of fences that are not here, nothing is known.

        Raises:
            ValueError: this is not what :meth:`kept` returned.
        """
        try:
            track = _TRACK.decode(kept)
        except msgspec.DecodeError as error:
            raise ValueError(f"this is not what was kept of a device: {error}") from error
        track.standings = {name: each for name, each in track.standings.items() if name in self._fences}
        self._tracks[subject] = track

    def inside(self, subject: Hashable = None) -> tuple[str, ...]:
        """The fences in which a device is."""
        track = self._tracks.get(subject)
        standings = {} if track is None else track.standings
        return tuple(fence_id for fence_id, standing in standings.items() if standing.is_inside)

    def feed(self, fix: Fix, subject: Hashable = None) -> list[Transition]:
        """A device is somewhere; returns what that says of fences, in the order of the times. Late fixes say nothing.

        Args:
            fix: where, and when.
            subject: the device.
        """
        track = self._tracks.setdefault(subject, _Track())
        before = track.last
        if before is not None and fix.timestamp_ms <= before.timestamp_ms:
            return []
        if before is not None and fix.timestamp_ms > before.timestamp_ms + 1000 * self._guess_within_s:
            before = None
        track.last = fix
        touched = {fence.fence_id: fence for fence in self._near(before or fix, fix)}
        touched |= {fence_id: self._fences[fence_id] for fence_id in track.standings}
        transitions: list[Transition] = []
        for fence_id, fence in touched.items():
            standing = track.standings.get(fence_id) or _Standing()
            transitions += _Step(fence, standing, before, fix, self._hysteresis).taken()
            if standing.is_remarkable:
                track.standings[fence_id] = standing
            else:
                track.standings.pop(fence_id, None)
        return sorted(transitions, key=lambda each: each.at_ms)

    def _near(self, start: Fix, end: Fix) -> list[Fence]:
        """Those whose box the way from one fix to the next touches."""
        if self._tree is None:
            self._index()
        if not self._of_tree:
            return []
        turn = (end.longitude - start.longitude + 180) % 360 - 180
        west, east = sorted((start.longitude, start.longitude + turn))
        south, north = sorted((start.latitude, end.latitude))
        found: list[Fence] = []
        for shift in (0, 360, -360):  # fences and ways may reach over the date line
            if shift == 0 or east + shift >= -180 > west + shift or west + shift <= 180 < east + shift:
                box = self._shapely.box(west + shift, south, east + shift, north)
                found += [self._of_tree[index] for index in self._tree.query(box)]
        return found

    def _index(self) -> None:
        boxes, self._of_tree = [], []
        for fence in self._fences.values():
            west, south, east, north = fence.box
            shifts = [0, *([360] if west < -180 else []), *([-360] if east > 180 else [])]
            for shift in shifts:
                boxes.append((west + shift, south, east + shift, north))
                self._of_tree.append(fence)
        self._tree = self._shapely.STRtree([self._shapely.box(*box) for box in boxes])


class _Step:
    """From one fix to the next, at one fence."""

    def __init__(self, fence: Fence, standing: _Standing, before: Fix | None, fix: Fix, hysteresis: float) -> None:
        self._fence = fence
        self._standing = standing
        self._before = before
        self._fix = fix
        self._depth = fence.depth(fix.position)
        self._margin = hysteresis * fix.accuracy_m
        self._hysteresis = hysteresis

    def taken(self) -> list[Transition]:
        """What it comes to; the standing has changed."""
        standing, was_outside = self._standing, not self._standing.side
        if (self._depth >= 0) != standing.side:
            standing.side = not standing.side
            entrance, standing.crossed = standing.crossed, self._crossing()
        else:
            entrance = standing.crossed
        if standing.is_inside:
            transitions = self._from_inside()
        elif self._depth <= -self._margin and standing.votes:
            standing.votes = 0
            transitions = self._visit(entrance, standing.crossed)
        elif standing.side:
            transitions = self._from_outside()
        else:
            standing.votes = 0
            transitions = self._passage() if was_outside else []
        return transitions + self._dwelling(self._fix.timestamp_ms)

    def _from_outside(self) -> list[Transition]:
        standing = self._standing
        if self._depth < self._enough(self._fix.accuracy_m):
            return []
        standing.votes += _CONFIRM if self._depth >= 2 * self._margin else 1
        if standing.votes < _CONFIRM or standing.crossed is None:
            return []
        return [self._entered(standing.crossed)]

    def _from_inside(self) -> list[Transition]:
        standing = self._standing
        if standing.side:
            standing.votes = 0
        if self._depth > -self._margin:
            return []
        standing.votes += _CONFIRM if self._depth <= -2 * self._margin else 1
        if standing.votes < _CONFIRM or standing.crossed is None:
            return []
        return [*self._dwelling(standing.crossed.timestamp_ms), self._left(standing.crossed)]

    def _passage(self) -> list[Transition]:
        """Both fixes are outside, and the way between them was not."""
        if self._before is None:
            return []
        way = self._fence.way_through(self._before.position, self._fix.position)
        if way is None or way.depth_m < self._enough(max(self._before.accuracy_m, self._fix.accuracy_m)):
            return []
        return self._visit(self._at(way.enters), self._at(way.leaves))

    def _visit(self, entrance: Fix | None, leaving: Fix | None) -> list[Transition]:
        if entrance is None or leaving is None:
            return []
        return [self._entered(entrance), *self._dwelling(leaving.timestamp_ms), self._left(leaving)]

    def _entered(self, at: Fix) -> Transition:
        standing = self._standing
        standing.is_inside, standing.votes = True, 0
        standing.entered_ms, standing.has_dwelt = at.timestamp_ms, False
        return Transition(self._fence.fence_id, Crossing.ENTER, at.timestamp_ms, at)

    def _left(self, at: Fix) -> Transition:
        self._standing.is_inside, self._standing.votes = False, 0
        return Transition(self._fence.fence_id, Crossing.EXIT, at.timestamp_ms, at)

    def _dwelling(self, until_ms: int) -> list[Transition]:
        standing, dwell_s = self._standing, self._fence.dwell_s
        if dwell_s is None or not standing.is_inside or standing.has_dwelt:
            return []
        at_ms = standing.entered_ms + round(1000 * dwell_s)
        if at_ms > until_ms:
            return []
        standing.has_dwelt = True
        start_ms = self._fix.timestamp_ms if self._before is None else self._before.timestamp_ms
        span_ms = self._fix.timestamp_ms - start_ms
        at = self._at(max(0.0, (at_ms - start_ms) / span_ms) if span_ms else 1.0, at_ms)
        return [Transition(self._fence.fence_id, Crossing.DWELL, at_ms, at)]

    def _enough(self, accuracy_m: float) -> float:
        """How deep inside is inside."""
        size_m = self._fence.size_m
        return min(self._hysteresis * accuracy_m, size_m / 2) if accuracy_m <= size_m else size_m * 2

    def _crossing(self) -> Fix:
        """Where the way from the fix before crossed the border."""
        if self._before is None:
            return self._fix
        start, end = self._before.position, self._fix.position
        place = self._fence.border(start, end)
        whole = distance_m(start, end)
        return self._at(min(1.0, distance_m(start, place) / whole) if whole else 1.0, place=place)

    def _at(self, fraction: float, at_ms: int | None = None, *, place: LatLon | None = None) -> Fix:
        """The fix that there would have been on the way from the one before."""
        before = self._fix if self._before is None else self._before
        span_ms = self._fix.timestamp_ms - before.timestamp_ms
        latitude, longitude = place or interpolate(before.position, self._fix.position, fraction)
        return Fix(
            latitude=latitude,
            longitude=longitude,
            accuracy_m=max(before.accuracy_m, self._fix.accuracy_m),
            timestamp_ms=round(before.timestamp_ms + fraction * span_ms) if at_ms is None else at_ms,
        )
