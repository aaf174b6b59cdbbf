"""Figures on a map: the small invented city of the lab, drawn by matplotlib; no internet is needed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from realtime.utils.geo import destination
from realtime.utils.share import share_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Box = tuple[float, float, float, float]
"""Degrees: west, south, east, north."""

_LAND = "#f1eee8"
_AREAS = {"water": "#a9d3e8", "park": "#cbe6bd"}
_LINES: dict[str, dict[str, Any]] = {
    "river": {"colors": "#a9d3e8", "linewidths": 3},
    "street": {"colors": "#ffffff", "linewidths": 1.5},
    "avenue": {"colors": "#ffffff", "linewidths": 3.5},
    "rail": {"colors": "#9a948a", "linewidths": 1, "linestyles": "dashed"},
    "tram": {"colors": "#b8b0a4", "linewidths": 1},
}
_SCALE_COLOR = "#5a5a5a"


def draw_city(axis: Axes, box: Box, *, scale_m: float | None = None) -> None:
    """Draw the streets, parks and water of a part of the city, under everything else, and nothing of the frame.

    Args:
        axis: longitudes to the right, latitudes upwards, in degrees.
        box: what is to be seen.
        scale_m: with a bar that is so long, in metres, in the lower left corner.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Polygon

    west, south, east, north = box
    document = json.loads((share_path("data") / "basemap" / "oslo-centre.geojson").read_text(encoding="utf-8"))
    shapes: dict[str, list[Any]] = {}
    for feature in document["features"]:
        shapes.setdefault(feature["properties"]["kind"], []).append(feature)
    for kind, color in _AREAS.items():
        for feature in shapes.get(kind, ()):
            axis.add_patch(Polygon(feature["geometry"]["coordinates"][0], facecolor=color, edgecolor="none", zorder=0))
    for kind, style in _LINES.items():
        lines = [feature["geometry"]["coordinates"] for feature in shapes.get(kind, ())]
        axis.add_collection(LineCollection(lines, zorder=0.5, **style), autolim=False)
    stop_x, stop_y = zip(*(feature["geometry"]["coordinates"] for feature in shapes["stop"]), strict=True)
    axis.scatter(stop_x, stop_y, s=8, facecolor="#ffffff", edgecolor="#b8b0a4", linewidth=0.8, zorder=0.6)
    for feature in shapes.get("label", ()):
        x, y = feature["geometry"]["coordinates"]
        if west < x < east and south < y < north:
            axis.text(x, y, feature["properties"]["name"], fontsize=6, color="#8a8578", ha="center", zorder=0.7)
    if scale_m is not None:
        _draw_scale(axis, box, scale_m)
    axis.set(xlim=(west, east), ylim=(south, north), xticks=(), yticks=(), facecolor=_LAND)
    axis.set_aspect(1 / math.cos(math.radians((south + north) / 2)))
    for spine in axis.spines.values():
        spine.set_visible(False)


def around(places: Sequence[tuple[float, float]], margin_m: float = 150.0) -> Box:
    """The box around places, latitude and longitude in degrees, and some metres more."""
    north, _ = destination((max(latitude for latitude, _ in places), 0.0), 0, margin_m)
    south, _ = destination((min(latitude for latitude, _ in places), 0.0), 180, margin_m)
    _, wider = destination((north, 0.0), 90, margin_m)
    longitudes = [longitude for _, longitude in places]
    return min(longitudes) - wider, south, max(longitudes) + wider, north


def _draw_scale(axis: Axes, box: Box, scale_m: float) -> None:
    west, south, east, north = box
    x, y = west + 0.04 * (east - west), south + 0.04 * (north - south)
    _, end = destination((y, x), 90, scale_m)
    axis.plot([x, end], [y, y], color=_SCALE_COLOR, linewidth=2, solid_capstyle="butt")
    label = f"{scale_m:g} m"
    axis.annotate(
        label, ((x + end) / 2, y), (0, 4), textcoords="offset points", ha="center", fontsize=7, color=_SCALE_COLOR
    )
