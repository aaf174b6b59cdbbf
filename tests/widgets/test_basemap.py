"""The base layer: a city without internet, tiles only where there is one."""

import socket
import threading

import pytest

from tests.widgets.waiting import eventually
from widgets import basemap
from widgets.basemap import BaseMap, tiles_reachable


@pytest.fixture
def answering_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_city_is_styled_and_does_not_catch_clicks():
    city, *labels = BaseMap(tiles="off").layer.layers
    styles = [feature["properties"]["style"] for feature in city.data["features"]]
    assert len(styles) > 50
    assert all("color" in style or "fillColor" in style for style in styles)
    assert labels
    assert not any(label.keyboard or label.draggable for label in labels)


def test_tiles_are_reachable_where_someone_answers(answering_port):
    assert tiles_reachable("127.0.0.1", answering_port)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not tiles_reachable("127.0.0.1", port)


@pytest.mark.parametrize(("reachable", "kinds"), [(True, ["TileLayer"]), (False, ["GeoJSON"])])
def test_auto_asks_in_the_background_and_keeps_the_city_if_nobody_answers(monkeypatch, reachable, kinds):
    asked = threading.Event()
    monkeypatch.setattr(basemap, "tiles_reachable", lambda: asked.set() or reachable)
    base = BaseMap(tiles="auto")
    assert asked.wait(30)
    eventually(lambda: base.settled)
    assert [type(layer).__name__ for layer in base.layer.layers][:1] == kinds


def test_on_takes_tiles_without_asking_and_off_never_does(monkeypatch):
    monkeypatch.setattr(basemap, "tiles_reachable", lambda: pytest.fail("asked"))
    assert [type(layer).__name__ for layer in BaseMap(tiles="on").layer.layers] == ["TileLayer"]
    assert type(BaseMap(tiles="off").layer.layers[0]).__name__ == "GeoJSON"


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="auto, on, off"):
        BaseMap(tiles="maybe")
