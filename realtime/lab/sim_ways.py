"""What fences were crossed, according to the fixes that a server has taken: what it owes to its rooms' logs."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from realtime.lab.sim_notes import crossing_of
from realtime.location.fix import Fix
from realtime.location.geofence import Fence
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.server.rooms import Member
from realtime.sim.report import Violation, at

if TYPE_CHECKING:
    from realtime.server.location_events import LocationEvents
    from realtime.server.location_messages import SharedFix


class _Way(NamedTuple):
    """What a server may know of a device.

    Args:
        known: as :meth:`~realtime.location.geofence_monitor.GeofenceMonitor.kept` tells it.
        found: the crossings that it found on the way there since it last had answered all.
    """

    known: str | None
    found: tuple[str, ...]


_UNKNOWN = (_Way(None, ()),)


class SimWays:
    """Follows the ways of devices beside the server, and does not die with it.

    Make it once, and give it to every :class:`~realtime.lab.sim_server.SimServer` of a machine. A fix counts once the
    server has answered that it has it: what is crossed by then must be in the log, also if the server is killed. One
    that was killed before it answered has the fixes or has not, and what is found next must agree with one of the two.

    Args:
        fences: those that the server watches, by room; needs ``shapely``.
        now_s: returns the virtual time.
    """

    def __init__(self, fences: Mapping[str, Sequence[Fence]], now_s: Callable[[], float]) -> None:
        self._monitors = {room_id: GeofenceMonitor(watched) for room_id, watched in fences.items()}
        self._now_s = now_s
        self._owed: list[tuple[float, list[tuple[str, ...]]]] = []  # since when, and one of these
        self._ways: dict[tuple[str, Member], tuple[_Way, ...]] = {}  # one, unless a server was killed
        self._unanswered: dict[tuple[str, Member], list[tuple[_Way, ...]]] = {}  # the ways before each such update

    def watch(self, locations: LocationEvents) -> None:
        """Follow a new process: what the one before did not answer it knows or does not."""
        for device, before in self._unanswered.items():
            self._ways[device] = _distinct(way for ways in (*before, self._ways[device]) for way in ways)
        self._unanswered.clear()
        moved = locations.when_moved
        assert moved is not None

        def followed(room_id: str, member: Member, fixes: Sequence[SharedFix], done: Callable[[], None]) -> None:
            moved(room_id, member, fixes, self._take(room_id, member, fixes, done))

        locations.when_moved = followed
        locations.when_stopped(self._stopped)

    def lost(self, logged: Container[str]) -> list[Violation]:
        """The crossings that are not in the logs.

        Args:
            logged: the names of those that are: see :func:`~realtime.lab.sim_notes.crossing_of`.
        """
        missing: dict[str, float] = {}
        for since_s, possible in self._owed:
            for name in min(([name for name in found if name not in logged] for found in possible), key=len):
                missing.setdefault(name, since_s)
        return [
            Violation("lost", f"{name!r} is in no log, and the server has the fixes since {at(since_s)}", since_s)
            for name, since_s in missing.items()
        ]

    def _take(
        self, room_id: str, member: Member, fixes: Sequence[SharedFix], done: Callable[[], None]
    ) -> Callable[[], None]:
        """What to call when the server has the fixes."""
        if room_id not in self._monitors:
            return done
        device = room_id, member
        before = self._ways.get(device, _UNKNOWN)
        unanswered = self._unanswered.setdefault(device, [])
        unanswered.append(before)
        ways = self._ways[device] = _distinct(self._go_on(way, room_id, member, fixes) for way in before)

        def answered() -> None:
            if unanswered:
                unanswered.pop(0)
            if not unanswered and self._unanswered.get(device) is unanswered:
                del self._unanswered[device]
                self._ways[device] = _distinct(way._replace(found=()) for way in self._ways[device])
            self._owed.append((self._now_s(), [way.found for way in ways]))
            done()

        return answered

    def _go_on(self, way: _Way, room_id: str, member: Member, fixes: Sequence[SharedFix]) -> _Way:
        monitor = self._monitors[room_id]
        monitor.forget(member)
        if way.known is not None:
            monitor.restore(way.known, member)
        found = [each for fix in fixes for each in monitor.feed(_measured(fix), member)]
        names = (crossing_of(member.user_id, each.kind.value, each.fence_id, each.at_ms) for each in found)
        return _Way(monitor.kept(member), (*way.found, *names))

    def _stopped(self, room_id: str, member: Member) -> None:
        self._unanswered.pop((room_id, member), None)
        self._ways.pop((room_id, member), None)


def _distinct(ways: Iterable[_Way]) -> tuple[_Way, ...]:
    return tuple(dict.fromkeys(ways))


def _measured(fix: SharedFix) -> Fix:
    return Fix(latitude=fix.latitude, longitude=fix.longitude, accuracy_m=fix.accuracy, timestamp_ms=fix.timestamp)
