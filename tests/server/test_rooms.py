"""Who is in which room: per user and device, however many connections a device has."""

from hypothesis import given
from hypothesis import strategies as st

from realtime.server.rooms import Member, Rooms

ANA = Member("ana", "phone")
ANA_TABLET = Member("ana", "tablet")
BEN = Member("ben", "phone")


def test_the_first_session_of_a_device_joins_and_the_last_one_leaves():
    rooms = Rooms()
    assert rooms.join("lobby", "s1", ANA)
    assert not rooms.join("lobby", "s2", ANA)  # the same phone, while its old connection is not yet known to be dead
    assert not rooms.leave("lobby", "s1")
    assert rooms.leave("lobby", "s2")


def test_two_devices_of_a_user_are_two_members():
    rooms = Rooms()
    rooms.join("lobby", "s1", ANA)
    assert rooms.join("lobby", "s2", ANA_TABLET)
    assert rooms.members("lobby") == [ANA, ANA_TABLET]
    assert rooms.leave("lobby", "s1")
    assert rooms.members("lobby") == [ANA_TABLET]


def test_every_coming_and_going_is_told_once():
    told = []
    rooms = Rooms(joined=lambda *who: told.append(("in", *who)), left=lambda *who: told.append(("out", *who)))
    rooms.join("lobby", "s1", ANA)
    rooms.join("lobby", "s1", ANA)
    rooms.join("attic", "s2", ANA)
    rooms.leave("lobby", "s1")
    rooms.leave("lobby", "s1")
    rooms.leave_all("s2")
    assert told == [("in", "lobby", "s1"), ("in", "attic", "s2"), ("out", "lobby", "s1"), ("out", "attic", "s2")]


def test_joining_twice_and_leaving_twice_change_nothing():
    rooms = Rooms()
    assert rooms.join("lobby", "s1", ANA)
    assert not rooms.join("lobby", "s1", ANA)
    assert list(rooms.sessions("lobby")) == ["s1"]
    assert rooms.leave("lobby", "s1")
    assert not rooms.leave("lobby", "s1")
    assert not rooms.leave("nowhere", "s1")


def test_sessions_are_in_the_order_they_joined():
    rooms = Rooms()
    for name in ("s3", "s1", "s2"):
        rooms.join("lobby", name, BEN)
    assert list(rooms.sessions("lobby")) == ["s3", "s1", "s2"]
    assert list(rooms.sessions("nowhere")) == []


def test_a_session_that_ends_leaves_all_its_rooms():
    rooms = Rooms()
    rooms.join("a", "s1", ANA)
    rooms.join("b", "s1", ANA)
    rooms.join("b", "s2", ANA)
    assert rooms.leave_all("s1") == ["a"]  # in b the device is still there, by s2
    assert rooms.leave_all("s1") == []
    assert rooms.of("s1") == ()
    assert rooms.of("s2") == ("b",)


def test_membership_can_be_asked_for():
    rooms = Rooms()
    rooms.join("a", "s1", ANA)
    assert rooms.has("a", "s1")
    assert not rooms.has("a", "s2")
    assert not rooms.has("b", "s1")


def test_an_empty_room_is_no_room():
    rooms = Rooms()
    rooms.join("a", "s1", ANA)
    assert len(rooms) == 1
    rooms.leave("a", "s1")
    assert len(rooms) == 0
    assert rooms.members("a") == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["join", "leave", "end"]),
            st.sampled_from("xy"),
            st.sampled_from(["s1", "s2", "s3", "s4"]),
        )
    )
)
def test_members_are_always_exactly_what_joins_and_leaves_said(steps):
    devices = {"s1": ANA, "s2": ANA, "s3": ANA_TABLET, "s4": BEN}
    rooms = Rooms()
    told = {"x": set(), "y": set()}
    for step, room, session in steps:
        if step == "join" and rooms.join(room, session, devices[session]):
            assert devices[session] not in told[room]
            told[room].add(devices[session])
        elif step == "leave" and rooms.leave(room, session):
            told[room].remove(devices[session])
        elif step == "end":
            for left in rooms.leave_all(session):
                told[left].remove(devices[session])
        for name, members in told.items():
            assert set(rooms.members(name)) == members
            assert {devices[s] for s in rooms.sessions(name)} == members
