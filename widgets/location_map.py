"""LocationMap: where the members of a room are, how sure that is, and where they came from."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipyleaflet
import ipywidgets

from widgets.basemap import BaseMap
from widgets.batching import Batcher
from widgets.live_widget import refuse_unknown
from widgets.map_legend import MapLegend, Shown

if TYPE_CHECKING:
    from realtime.lab.live import Lab, Phone
    from realtime.location.fix import Fix

CITY = (59.9205, 10.7335)  # the tram ride's middle: the view at the start
CITY_REACH_DEG = 0.1
INTERVAL_S = 0.1  # positions change about once a second
MIN_HEIGHT_PX = 160
COLOURS = ("#1565c0", "#c62828", "#2e7d32", "#6a1b9a", "#bf360c", "#00695c", "#4527a0", "#ad1457")


class LocationMap(ipywidgets.VBox):  # type: ignore[misc]
    """A map of a room's members as one phone knows them, or as all phones of a lab together do.

    It works without internet: a small invented city lies under the tram ride of the notebooks. Arrow keys move the
    map, + and - zoom, Tab goes through the people. :attr:`map` is the ``ipyleaflet.Map``, for layers of your own.
    Call :meth:`close` to end its subscriptions.

    Args:
        source: a phone, or a lab: then its phones of now.
        room_id: the room whose members are shown.
        title: the heading; the phone's name if None.
        height_px: height of the map, at least 160.
        tiles: ``"auto"``: street tiles if the kernel reaches their server; ``"on"``, ``"off"``.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    def __init__(
        self,
        source: Lab | Phone,
        room_id: str = "lobby",
        *,
        title: str | None = None,
        height_px: int = 320,
        tiles: str = "auto",
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("LocationMap", LocationMap.__init__, unknown)
        if height_px < MIN_HEIGHT_PX:
            raise ValueError(f"height_px must be at least {MIN_HEIGHT_PX}, got {height_px}")
        phones: list[Phone]
        if hasattr(source, "phones"):
            phones, self._name, heading = list(source.phones.values()), "lab", "Everyone"
        else:
            phones, self._name, heading = [source], repr(source.name), source.name
        self._room_id = room_id
        self._states = [phone.location.state for phone in phones]
        self.people: dict[str, _Person] = {}
        self._people_layer = ipyleaflet.LayerGroup()
        self.legend = MapLegend(title=title or heading, room_id=room_id, centre=self._centre_on)
        self.map = ipyleaflet.Map(
            center=CITY,
            zoom=13.5,
            zoom_snap=0.5,
            layers=[BaseMap(tiles).layer, self._people_layer],
            layout={"height": f"{height_px}px", "margin": "0"},
        )
        super().__init__(children=[self.legend, self.map], **({} if layout is None else {"layout": layout}))
        self.add_class("rt-map")
        self._batcher = Batcher(self._flush, interval_s=INTERVAL_S, name="LocationMap")
        self._subscriptions = [state.observe(lambda _: self._batcher.touch()) for state in self._states]
        self._batcher.touch()

    def __repr__(self) -> str:
        return f"LocationMap({self._name}, room={self._room_id!r})"

    def close(self) -> None:
        """End the subscriptions and remove every view. Calling it twice is harmless."""
        for unobserve in self.__dict__.pop("_subscriptions", ()):
            unobserve()
        if "_batcher" in self.__dict__:
            self._batcher.close()
            self.legend.close()
            self.map.close()
        super().close()

    def _flush(self) -> None:
        trails = self._newest_trails()
        for name in self.people.keys() - trails.keys():
            self._people_layer.remove(self.people.pop(name).group)
        for name, trail in sorted(trails.items()):
            if name not in self.people:
                self.people[name] = _Person(name, self._free_colour(), trail)
                self._people_layer.add(self.people[name].group)
                self._bring_into_reach(trail[-1])
            self.people[name].move(trail)
        self.legend.show([person.shown for person in self.people.values()])

    def _newest_trails(self) -> Mapping[str, tuple[Fix, ...]]:
        """User id → fixes, by whichever phone knows the newest one."""
        newest: dict[str, tuple[Fix, ...]] = {}
        for state in self._states:
            for name, trail in state.snapshot.trails.items():
                if name not in newest or trail[-1].timestamp_ms > newest[name][-1].timestamp_ms:
                    newest[name] = trail
        return newest

    def _free_colour(self) -> str:
        used = [person.circle.color for person in self.people.values()]
        return min(COLOURS, key=used.count)

    def _bring_into_reach(self, fix: Fix) -> None:
        """Someone who appears in another city than ours is worth going there."""
        if max(abs(fix.latitude - self.map.center[0]), abs(fix.longitude - self.map.center[1])) > CITY_REACH_DEG:
            self.map.center = fix.position

    def _centre_on(self, name: str) -> None:
        if name in self.people:
            self.map.center = self.people[name].trail.locations[-1]


class _Person:
    """The layers of one person. Names are escaped: Leaflet takes markup."""

    def __init__(self, name: str, colour: str, trail: tuple[Fix, ...]) -> None:
        initial = html.escape(name[:1].upper())
        pin = f'<span class="rt-pin" style="background: {colour}">{initial}</span>'
        here = trail[-1].position
        self._name = name
        self._shown_trail: tuple[Fix, ...] = ()
        self.marker = ipyleaflet.Marker(
            location=here,
            icon=ipyleaflet.DivIcon(html=pin, icon_size=[22, 22], icon_anchor=[11, 11]),
            title=name,
            draggable=False,
            z_index_offset=1000,
        )
        self.marker.popup = ipywidgets.HTML(html.escape(name))
        self.circle = ipyleaflet.Circle(location=here, radius=1, color=colour, weight=1, fill_opacity=0.15)
        self.trail = ipyleaflet.Polyline(locations=[here], color=colour, fill=False, weight=4, opacity=0.65)
        self.group = ipyleaflet.LayerGroup(layers=[self.trail, self.circle, self.marker])
        self.move(trail)

    def move(self, trail: tuple[Fix, ...]) -> None:
        """Show a newer trail; nothing travels if it is the one that is shown."""
        if trail is self._shown_trail:
            return
        self._shown_trail = trail
        here = trail[-1]
        self.trail.locations = [fix.position for fix in trail]
        self.circle.radius = max(1, round(here.accuracy_m))
        self.circle.location = here.position
        self.marker.location = here.position

    @property
    def shown(self) -> Shown:
        """The line of the legend."""
        newest = self._shown_trail[-1]
        return Shown(self._name, self.circle.color, newest.speed_mps, newest.accuracy_m, newest.timestamp_ms)
