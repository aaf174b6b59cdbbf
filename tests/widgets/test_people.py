"""Who is shown in a list of people, in an order that does not jump."""

import pytest

from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import UserStatus
from tests.widgets.fakes import member
from widgets.people import KEPT, MOST, People


@pytest.fixture
def people():
    return People("ana")


def room(*members, synced=True):
    return RoomPresence("lobby", members, synced)


def names(shown):
    return [person["user"] for person in shown]


def test_oneself_is_first_and_the_others_follow_by_name(people):
    shown = people.of(room(member("cleo"), member("Ben"), member("ana")), {})
    assert names(shown) == ["ana", "Ben", "cleo"]
    assert [person["me"] for person in shown] == [True, False, False]


def test_a_person_has_all_their_devices(people):
    [ana] = people.of(
        room(member("ana", "phone", state="background", status="away"), member("ana", "tablet", text="in a meeting")),
        {},
    )
    assert (ana["status"], ana["text"], ana["here"]) == ("online", "in a meeting", True)
    assert ana["devices"] == [
        {"id": "phone", "status": "away", "hidden": True},
        {"id": "tablet", "status": "online", "hidden": False},
    ]


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        (["online"], "online"),
        (["away", "online"], "online"),
        (["online", "busy"], "busy"),
        (["away", "away"], "away"),
        (["invisible"], "invisible"),
        (["invisible", "away"], "away"),
    ],
)
def test_one_status_is_made_of_all_devices(people, statuses, shown):
    members = [member("ben", f"device {n}", status=status) for n, status in enumerate(statuses)]
    [ben] = people.of(room(*members), {})
    assert ben["status"] == shown


def test_who_has_left_stays_with_when_they_were_seen_last(people):
    people.of(room(member("ana"), member("ben"), member("cleo"), member("dora")), {})
    known = {
        "ben": UserStatus("ben", "offline", last_seen=5_000),
        "cleo": UserStatus("cleo", "busy", text="elsewhere"),
        "dora": UserStatus("dora", "offline", last_seen=9_000),
    }
    shown = people.of(room(member("ana")), known)
    assert names(shown) == ["ana", "cleo", "dora", "ben"], "those elsewhere first, then the last seen"
    assert [person["here"] for person in shown] == [True, False, False, False]
    assert [person["last_seen_ms"] for person in shown] == [None, None, 9_000, 5_000]
    assert (shown[1]["status"], shown[1]["text"], shown[1]["devices"]) == ("busy", "elsewhere", [])


def test_of_whom_nothing_is_known_is_offline(people):
    people.of(room(member("ben")), {})
    [ben] = people.of(room(), {})
    assert (ben["status"], ben["last_seen_ms"]) == ("offline", None)


def test_both_the_list_and_what_is_remembered_are_bounded(people):
    crowd = [member(f"user {n:04}") for n in range(MOST + KEPT + 50)]
    shown = people.of(room(*crowd, member("ana")), {})
    assert len(shown) == MOST
    assert names(shown)[0] == "ana"
    assert people.more == KEPT + 51
    assert len(people.of(room(member("ana")), {})) == 1 + KEPT
    assert people.more == 0
    assert len(people.known) == 1 + KEPT


def test_those_who_are_elsewhere_are_known_as_long_as_they_are_remembered(people):
    people.of(room(member("ana"), member("ben")), {})
    people.of(room(member("ana")), {})
    assert set(people.known) == {"ana", "ben"}
