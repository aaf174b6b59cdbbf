"""What lies under the markers: a small invented city that needs no internet, or tiles where there is one."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import ipyleaflet

from realtime.utils.share import share_path

TILES = ("auto", "on", "off")

_TILE_HOST, _PROBE_TIMEOUT_S = "tile.openstreetmap.org", 2.0
_TRAM = "#857c70"  # unlike any person
_STYLES: dict[str, dict[str, Any]] = {
    "water": {"stroke": False, "fillColor": "#a9d3e8", "fillOpacity": 1},
    "park": {"stroke": False, "fillColor": "#cbe6bd", "fillOpacity": 1},
    "river": {"color": "#a9d3e8", "weight": 5, "opacity": 1},
    "street": {"color": "#ffffff", "weight": 3, "opacity": 1},
    "avenue": {"color": "#ffffff", "weight": 6, "opacity": 1},
    "rail": {"color": "#9a948a", "weight": 2, "opacity": 1, "dashArray": "6 3"},
    "tram": {"color": _TRAM, "weight": 2, "opacity": 0.8},
    "stop": {"color": _TRAM, "weight": 1.5, "opacity": 1, "fillColor": "#ffffff", "fillOpacity": 1, "radius": 3},
}


class BaseMap:
    """One layer, :attr:`layer`, that holds the city and, if tiles are wanted and reachable, tiles in its place.

    Args:
        tiles: ``"auto"``: the city at once, tiles if the kernel can reach their server; ``"on"``; ``"off"``.
    """

    def __init__(self, tiles: str = "auto") -> None:
        if tiles not in TILES:
            raise ValueError(f"tiles must be one of {', '.join(TILES)}, got {tiles!r}")
        self.layer = ipyleaflet.LayerGroup(layers=[_tile_layer()] if tiles == "on" else _city())
        self.settled = tiles != "auto"
        if not self.settled:
            threading.Thread(target=self._probe, name="tile-probe", daemon=True).start()

    def _probe(self) -> None:
        if tiles_reachable():
            self.layer.layers = (_tile_layer(),)
        self.settled = True


def tiles_reachable(host: str = _TILE_HOST, port: int = 443) -> bool:
    """Whether the tile server can be connected to from here; asks for nothing."""
    try:
        socket.create_connection((host, port), timeout=_PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _tile_layer() -> ipyleaflet.TileLayer:
    return ipyleaflet.basemap_to_tiles(ipyleaflet.basemaps.OpenStreetMap.Mapnik)


def _city() -> list[ipyleaflet.Layer]:
    document = json.loads((share_path("data") / "basemap" / "oslo-centre.geojson").read_text(encoding="utf-8"))
    shapes, labels = [], []
    for feature in document["features"]:
        properties = feature["properties"]
        if properties["kind"] == "label":
            longitude, latitude = feature["geometry"]["coordinates"]
            labels.append(_label(properties["name"], latitude, longitude))
        else:
            shapes.append(feature | {"properties": properties | {"style": _STYLES[properties["kind"]]}})
    points = {key: value for key, value in _STYLES["stop"].items() if key == "radius"}
    city = ipyleaflet.GeoJSON(data={"type": "FeatureCollection", "features": shapes}, point_style=points)
    return [city, *labels]


def _label(name: str, latitude: float, longitude: float) -> ipyleaflet.Marker:
    icon = ipyleaflet.DivIcon(html=f'<span class="rt-place">{name}</span>', icon_size=[120, 16], icon_anchor=[60, 8])
    return ipyleaflet.Marker(location=(latitude, longitude), icon=icon, keyboard=False, draggable=False)
