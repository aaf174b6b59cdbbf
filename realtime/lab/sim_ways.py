"""What fences were crossed, according to the fixes that a server has taken: what it owes to its rooms' logs."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING

from realtime.lab.sim_notes import crossing_of
from realtime.location.fix import Fix
from realtime.location.geofence import Fence
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.server.rooms import Member
from realtime.sim.report import Violation, at

if TYPE_CHECKING:
    from realtime.server.location_events import LocationEvents
    from realtime.server.location_messages import SharedFix


class SimWays:
    """Follows the ways of devices beside the server, and does not die with it.

    Make it once, and give it to every :class:`~realtime.lab.sim_server.SimServer` of a machine. A fix counts once the
    server has answered that it has it: what is crossed by then must be in the log, also if the server is killed.

    Args:
        fences: those that the server watches, by room; needs ``shapely``.
        now_s: returns the virtual time.
    """

    def __init__(self, fences: Mapping[str, Sequence[Fence]], now_s: Callable[[], float]) -> None:
        self._monitors = {room_id: GeofenceMonitor(watched) for room_id, watched in fences.items()}
        self._now_s = now_s
        self._owed: dict[str, float] = {}  # since when
        self._unanswered: dict[tuple[str, Member], list[str | None]] = {}  # what was known before each such update

    def watch(self, locations: LocationEvents) -> None:
        """Follow a new process: what the one before did not answer it does not know."""
        for (room_id, member), known in self._unanswered.items():
            self._go_back(room_id, member, known[0])
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
        return [
            Violation("lost", f"{name!r} is in no log, and the server has the fixes since {at(since_s)}", since_s)
            for name, since_s in self._owed.items()
            if name not in logged
        ]

    def _take(
        self, room_id: str, member: Member, fixes: Sequence[SharedFix], done: Callable[[], None]
    ) -> Callable[[], None]:
        """What to call when the server has the fixes."""
        monitor = self._monitors.get(room_id)
        if monitor is None:
            return done
        unanswered = self._unanswered.setdefault((room_id, member), [])
        unanswered.append(monitor.kept(member))
        found = [each for fix in fixes for each in monitor.feed(_measured(fix), member)]
        names = [crossing_of(member.user_id, each.kind.value, each.fence_id, each.at_ms) for each in found]

        def answered() -> None:
            if unanswered:
                unanswered.pop(0)
            if not unanswered and self._unanswered.get((room_id, member)) is unanswered:
                del self._unanswered[room_id, member]
            for name in names:
                self._owed.setdefault(name, self._now_s())
            done()

        return answered

    def _stopped(self, room_id: str, member: Member) -> None:
        self._unanswered.pop((room_id, member), None)
        if (monitor := self._monitors.get(room_id)) is not None:
            monitor.forget(member)

    def _go_back(self, room_id: str, member: Member, known: str | None) -> None:
        monitor = self._monitors[room_id]
        monitor.forget(member)
        if known is not None:
            monitor.restore(known, member)


def _measured(fix: SharedFix) -> Fix:
    return Fix(latitude=fix.latitude, longitude=fix.longitude, accuracy_m=fix.accuracy, timestamp_ms=fix.timestamp)
