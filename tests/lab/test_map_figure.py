"""The city under a figure."""

import matplotlib
import pytest

from realtime.lab.map_figure import around, draw_city

matplotlib.use("Agg")


@pytest.fixture
def axis():
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_the_city_lies_under_what_is_drawn_and_the_view_is_the_boxs(axis):
    draw_city(axis, (10.71, 59.91, 10.76, 59.93))
    [dot] = axis.plot([10.73], [59.92], "o")
    assert (axis.get_xlim(), axis.get_ylim()) == ((10.71, 10.76), (59.91, 59.93))
    assert len(axis.patches) >= 7, "parks, and the water"
    assert len(axis.collections) >= 3, "streets, rails, the tram's stops"
    assert max(artist.get_zorder() for artist in (*axis.patches, *axis.collections)) < dot.get_zorder()


def test_a_metre_is_as_long_in_both_directions(axis):
    draw_city(axis, (10.71, 59.91, 10.76, 59.93))
    assert axis.get_aspect() == pytest.approx(1.99, abs=0.01)  # 1 / cos(59.92°)


def test_only_names_within_the_view_are_written(axis):
    draw_city(axis, (10.71, 59.91, 10.76, 59.93))
    for text in axis.texts:
        x, y = text.get_position()
        assert 10.71 < x < 10.76
        assert 59.91 < y < 59.93


def test_a_scale_tells_metres(axis):
    draw_city(axis, (10.71, 59.91, 10.76, 59.93), scale_m=500)
    assert "500 m" in [text.get_text() for text in axis.texts]


def test_a_box_around_places():
    west, south, east, north = around([(59.91, 10.72), (59.92, 10.74)], margin_m=111.2)
    assert (south, north) == (pytest.approx(59.909, abs=1e-5), pytest.approx(59.921, abs=1e-5))
    assert (west, east) == (pytest.approx(10.718, abs=1e-4), pytest.approx(10.742, abs=1e-4))
