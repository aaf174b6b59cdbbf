"""use_location: where everybody is, in a component."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import reacton

from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable
from realtime.location.fix import Fix, LocationState
from realtime.location.live_location_tracker import LiveLocationTracker


@dataclass(frozen=True, slots=True)
class Location:
    """Where those are who share their position, and what can be done about one's own.

    Args:
        state: newest fixes and trails.
        error: why the newest act was refused; None if it was not.
    """

    state: LocationState
    error: Exception | None
    _tracker: LiveLocationTracker = field(repr=False)
    _acts: Acts = field(repr=False)

    @property
    def fixes(self) -> Mapping[str, Fix]:
        """The newest fix of each user."""
        return self.state.fixes

    @property
    def trails(self) -> Mapping[str, tuple[Fix, ...]]:
        """The way there of each user, oldest fix first."""
        return self.state.trails

    @property
    def own(self) -> Fix | None:
        """Where this user is; None before the first fix, and after the sharing."""
        return self.state.fixes.get(self._tracker.user_id)

    def start(
        self,
        source: AsyncIterable[Fix],
        *,
        room_id: str,
        share_for_s: float | None = None,
        precision_m: float | None = None,
    ) -> None:
        """Follow a source of fixes and tell a room of it, instead of what was followed before.

        Args:
            source: where the fixes come from.
            room_id: a joined room.
            share_for_s: it ends by itself after this, in seconds.
            precision_m: what the room is told is rounded to a grid of cells of this side, in metres.
        """
        options = {"room_id": room_id, "share_for_s": share_for_s, "precision_m": precision_m}
        self._acts.do(partial(self._tracker.start_tracking, source, **options))  # type: ignore[arg-type]

    def stop(self) -> None:
        """Stop, and take this device off the others' maps."""
        self._acts.do(self._tracker.stop_tracking)


def use_location(
    source: LiveLocationTracker | PhoneLike,
    room_id: str | None = None,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Location:
    """Where everybody is.

    Args:
        source: a phone, or a location tracker.
        room_id: only those who share their position with this room; None: with any.
        loop: where the tracker lives, if it is not connected yet and that is not where the component is rendered.
    """
    tracker = part_of(source, LiveLocationTracker, "location.tracker", "location")
    acts, error = use_acts(source, loop)
    shown = reacton.use_memo(
        lambda: tracker.state if room_id is None else acts.ask(tracker.room, room_id), [tracker, acts, room_id]
    )
    return Location(use_observable(shown), error, tracker, acts)
