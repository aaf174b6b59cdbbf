"""The legend says in words what the map shows in colours, and brings a person into view."""

import pytest

from widgets.map_legend import MapLegend, Shown


@pytest.fixture
def legend():
    found = []
    widget = MapLegend(title="ana", room_id="lobby", centre=found.append)
    widget.found = found
    yield widget
    widget.close()


def test_it_names_the_map_and_everyone_on_it(legend):
    legend.show(
        [Shown("ben", "#1565c0", speed_mps=8.4, accuracy_m=6.0, timestamp_ms=7), Shown("ana", "#c62828", None, 30.0, 9)]
    )
    assert legend.compose() == {
        "title": "ana",
        "room": "lobby",
        "people": [
            {"name": "ben", "colour": "#1565c0", "speed_mps": 8.4, "accuracy_m": 6.0, "timestamp_ms": 7},
            {"name": "ana", "colour": "#c62828", "speed_mps": None, "accuracy_m": 30.0, "timestamp_ms": 9},
        ],
    }


def test_asking_for_a_person_is_handed_on(legend):
    legend._handle_custom_msg({"type": "centre", "name": "ben"}, [])
    assert legend.found == ["ben"]


def test_its_repr_is_stable(legend):
    assert repr(legend) == "MapLegend('ana', room='lobby')"
