"""MapLegend: the heading of a map; the people on it, in words, each a button that brings them into view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from realtime.utils.observable import Observable
from widgets.live_widget import Action, LiveWidget, static


class Shown(NamedTuple):
    """A person on the map.

    Args:
        name: who.
        colour: of the marker, CSS.
        speed_mps: metres per second; None: unknown.
        accuracy_m: metres.
        timestamp_ms: when that was measured; where it is long ago, the legend says so.
    """

    name: str
    colour: str
    speed_mps: float | None
    accuracy_m: float
    timestamp_ms: int


class MapLegend(LiveWidget):
    """The part of a :class:`widgets.location_map.LocationMap` that can be read and tabbed through.

    Args:
        title: the heading.
        room_id: the room whose members are shown.
        centre: called with a name when the reader asks to see that person.
    """

    _esm = static("feed.js", "elements.js", "moments.js", "map_legend.js")
    _css = static("frame.css", "map_legend.css")

    def __init__(self, *, title: str, room_id: str, centre: Callable[[str], None]) -> None:
        self._title = title
        self._room_id = room_id
        self._centre = centre
        self._people: Observable[tuple[Shown, ...]] = Observable(())
        super().__init__(watches=[self._people])

    def __repr__(self) -> str:
        return f"MapLegend({self._title!r}, room={self._room_id!r})"

    def show(self, people: Sequence[Shown]) -> None:
        """Replace who is listed."""
        self._people.set(tuple(people))

    def compose(self) -> Mapping[str, Any]:
        """Title, room, and a mapping per person in the fields of :class:`Shown`."""
        people = [person._asdict() for person in self._people.snapshot]
        return {"title": self._title, "room": self._room_id, "people": people}

    @property
    def actions(self) -> Mapping[str, Action]:
        """Bring a person into view."""
        return {"centre": lambda asked: self._centre(asked["name"])}
