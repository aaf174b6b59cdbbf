"""The map shows where everybody is, how sure that is, and where they came from."""

import pytest

from realtime.location.fix import LocationState
from tests.widgets.fakes import FakeLab, FakePhone, fix
from tests.widgets.waiting import eventually
from widgets.location_map import LocationMap


@pytest.fixture
def phone():
    return FakePhone("ana")


@pytest.fixture
def shown(phone):
    widget = LocationMap(phone, tiles="off")
    yield widget
    widget.close()


def walk(user_id, count, state=None):
    state = state or LocationState()
    for n in range(count):
        state = state.moved(user_id, fix(n))
    return state


def test_its_repr_is_stable(shown, phone):
    assert repr(shown) == "LocationMap('ana', room='lobby')"
    everyone = LocationMap(FakeLab(phone, FakePhone("ben")), tiles="off")
    assert repr(everyone) == "LocationMap(lab, room='lobby')"
    everyone.close()


def test_a_person_is_a_marker_with_a_name_an_accuracy_circle_and_a_trail(shown, phone):
    phone.location.state.set(walk("<ben>", 3))
    eventually(lambda: "<ben>" in shown.people)
    ben = shown.people["<ben>"]
    assert tuple(ben.marker.location) == (59.9202, 10.73)
    assert ben.marker.title == "<ben>"
    assert ben.marker.popup.value == "&lt;ben&gt;", "a name is text, never markup"
    assert "&lt;" in ben.marker.icon.html
    assert (tuple(ben.circle.location), ben.circle.radius) == ((59.9202, 10.73), 8)
    assert [tuple(place) for place in ben.trail.locations] == [fix(n).position for n in range(3)]


def test_who_moves_is_moved_and_who_leaves_is_removed(shown, phone):
    state = walk("ana", 1, walk("ben", 2))
    phone.location.state.set(state)
    eventually(lambda: set(shown.people) == {"ana", "ben"})
    marker = shown.people["ben"].marker
    phone.location.state.set(state.moved("ben", fix(9)).left("ana"))
    eventually(lambda: set(shown.people) == {"ben"})
    eventually(lambda: marker.location[0] == pytest.approx(59.9209))
    assert shown.people["ben"].marker is marker


def test_people_have_different_colours(shown, phone):
    phone.location.state.set(walk("ana", 1, walk("ben", 1, walk("cleo", 1))))
    eventually(lambda: len(shown.people) == 3)
    assert len({person.circle.color for person in shown.people.values()}) == 3


def test_the_legend_says_the_same_in_words(shown, phone):
    phone.location.state.set(walk("ben", 2))
    eventually(lambda: shown.people)
    eventually(lambda: shown.legend.compose()["people"])
    [ben] = shown.legend.compose()["people"]
    assert ben == {
        "name": "ben",
        "colour": shown.people["ben"].circle.color,
        "speed_mps": 11.1,
        "accuracy_m": 8.0,
        "timestamp_ms": fix(1).timestamp_ms,
    }


def test_the_legend_centres_the_map_on_a_person(shown, phone):
    phone.location.state.set(walk("ben", 2))
    eventually(lambda: shown.people)
    shown.legend._handle_custom_msg({"type": "centre", "name": "ben"}, [])
    assert tuple(shown.map.center) == fix(1).position


def test_someone_far_from_the_city_is_brought_into_view(shown, phone):
    phone.location.state.set(LocationState().moved("ana", fix(0, latitude=48.14, longitude=11.58)))
    eventually(lambda: tuple(shown.map.center) == (48.14, 11.58))


def test_of_a_lab_everybodys_newest_fix_is_shown():
    ana, ben = FakePhone("ana"), FakePhone("ben")
    shown = LocationMap(FakeLab(ana, ben), tiles="off")
    ana.location.state.set(walk("ana", 3, walk("ben", 1)))
    ben.location.state.set(walk("ben", 2))
    eventually(lambda: set(shown.people) == {"ana", "ben"} and len(shown.people["ben"].trail.locations) == 2)
    shown.close()


def test_closing_ends_the_subscriptions_and_the_views(phone):
    shown = LocationMap(phone, tiles="off")
    shown.close()
    shown.close()
    assert phone.location.state._observers == {}
    assert shown.map.comm is None


def test_unknown_options_are_refused(phone):
    with pytest.raises(TypeError, match="did you mean 'tiles'"):
        LocationMap(phone, tiless="off")
