"""Users over all their devices: busy, online, away, offline; and when they were last seen."""

import pytest

from realtime.server.messages import UserStatus
from realtime.server.online_users import Device, OnlineUsers
from realtime.server.rooms import Member

PHONE, LAPTOP = Member("ana", "phone"), Member("ana", "laptop")


def users():
    return OnlineUsers(batch_s=0.1, grace_s=15.0)


def device(status=None, *, is_active=True, text=None):
    return Device(status, text, is_active)


@pytest.mark.clause("RT-PRES-8")
@pytest.mark.parametrize(
    ("phone", "laptop", "expected"),
    [
        (device(), None, "online"),
        (device(is_active=False), None, "away"),
        (device("away"), None, "away"),
        (device("busy", is_active=False), None, "busy"),
        (device("busy"), device(), "busy"),
        (device(is_active=False), device(), "online"),
        (device("away"), device("online"), "online"),
        (device("online", is_active=False), device(is_active=False), "away"),
        (device("invisible"), None, "offline"),
        (device("invisible"), device(), "online"),
        (device("invisible"), device(is_active=False), "away"),
    ],
)
def test_the_status_is_one_over_all_devices(phone, laptop, expected):
    online = users()
    online.put(PHONE, "s1", phone, 0.0, 0)
    if laptop is not None:
        online.put(LAPTOP, "s2", laptop, 0.0, 0)
    assert online.show("ana").status == expected


def test_the_text_is_of_the_device_that_spoke_last():
    online = users()
    online.put(PHONE, "s1", device(text="on the tram"), 0.0, 0)
    online.put(LAPTOP, "s2", device(), 0.0, 0)
    assert online.show("ana") == UserStatus("ana", "online", "on the tram")
    online.put(LAPTOP, "s2", device(text="at work"), 1.0, 0)
    assert online.show("ana").text == "at work"
    online.put(LAPTOP, "s2", device("invisible", text="a secret"), 2.0, 0)
    assert online.show("ana").text == "on the tram"


def test_nobody_knows_anything_of_a_stranger():
    assert users().show("ana") == UserStatus("ana", "offline")


def test_changes_are_told_once_in_a_batch():
    online = users()
    online.put(PHONE, "s1", device(), 1.0, 0)
    online.put(PHONE, "s1", device("busy"), 1.05, 0)
    assert online.handle_timer(1.1) == [UserStatus("ana", "busy")]
    online.put(LAPTOP, "s2", device(), 2.0, 0)
    assert online.handle_timer(2.1) == []
    assert online.next_timer() is None


def test_what_was_shown_amid_a_batch_is_corrected():
    online = users()
    online.put(PHONE, "s1", device(), 1.0, 0)
    assert online.show("ana").status == "online"
    online.remove(PHONE, "s1", 1.05, 1050)
    assert online.handle_timer(1.1) == [UserStatus("ana", "offline", last_seen=1050)]


@pytest.mark.clause("RT-PRES-12")
def test_a_lost_device_counts_for_the_grace_and_was_seen_when_it_was_lost():
    online = users()
    online.put(PHONE, "s1", device(), 0.0, 0)
    online.handle_timer(0.1)
    online.lose(PHONE, "s1", 10.0, 10_000)
    assert online.next_timer() == 25.0
    assert online.handle_timer(24.9) == []
    assert online.show("ana").status == "online"
    assert online.handle_timer(25.0) == []
    assert online.handle_timer(25.1) == [UserStatus("ana", "offline", last_seen=10_000)]


def test_quick_returns_change_nothing():
    online = users()
    online.put(PHONE, "s0", device(), 0.0, 0)
    online.handle_timer(0.1)
    for n in range(10):
        online.lose(PHONE, f"s{n}", 10.0 * n, 0)
        online.put(PHONE, f"s{n + 1}", device(), 10.0 * n + 9, 0)
    assert online.handle_timer(1000.0) == []
    assert online.show("ana").status == "online"


def test_an_old_connection_that_dies_late_takes_nothing_away():
    online = users()
    online.put(PHONE, "old", device("busy"), 0.0, 0)
    online.put(PHONE, "new", device(), 1.0, 0)
    assert online.show("ana").status == "online"
    online.lose(PHONE, "old", 45.0, 45_000)
    online.handle_timer(100.0)
    assert online.show("ana").status == "online"


def test_of_two_sessions_of_a_device_the_other_remains():
    online = users()
    online.put(PHONE, "a", device("busy"), 0.0, 0)
    online.put(PHONE, "b", device(), 1.0, 0)
    online.remove(PHONE, "b", 2.0, 2000)
    assert online.show("ana").status == "busy"
    online.remove(PHONE, "a", 3.0, 3000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=3000)


def test_a_goodbye_ends_a_grace():
    online = users()
    online.put(PHONE, "a", device(), 0.0, 0)
    online.lose(PHONE, "a", 1.0, 1000)
    online.remove(PHONE, "a", 2.0, 2000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=1000)
    assert len(online) == 0


def test_the_invisible_are_not_seen_at_their_end():
    online = users()
    online.put(PHONE, "a", device(), 0.0, 0)
    online.remove(PHONE, "a", 1.0, 1000)
    online.put(PHONE, "b", device("invisible"), 2.0, 0)
    online.remove(PHONE, "b", 3.0, 3000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=1000)
    assert online.handle_timer(9.0) == [UserStatus("ana", "offline", last_seen=1000)]


@pytest.mark.clause("RT-PRES-10")
def test_who_becomes_invisible_was_seen_until_then():
    """Otherwise an earlier time, or none, would tell that this is no ordinary goodbye."""
    online = users()
    online.put(PHONE, "a", device(), 0.0, 0)
    online.put(LAPTOP, "b", device(), 0.0, 0)
    online.put(PHONE, "a", device("invisible"), 5.0, 5000)
    assert online.show("ana").status == "online"
    online.put(LAPTOP, "b", device("invisible"), 7.0, 7000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=7000)
    online.put(PHONE, "a", device("invisible", text="still here"), 8.0, 8000)
    online.remove(PHONE, "a", 9.0, 9000)
    online.remove(LAPTOP, "b", 9.0, 9000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=7000)


def test_of_an_invisible_device_the_visible_one_that_goes_was_seen_last():
    online = users()
    online.put(PHONE, "a", device("invisible"), 0.0, 0)
    assert online.show("ana") == UserStatus("ana", "offline"), "not seen at all"
    online.put(LAPTOP, "b", device(), 1.0, 1000)
    online.remove(LAPTOP, "b", 2.0, 2000)
    assert online.show("ana") == UserStatus("ana", "offline", last_seen=2000)


def test_who_was_seen_longest_ago_is_forgotten_first():
    online = OnlineUsers(batch_s=0.1, grace_s=15.0, most_remembered=2)
    for n, name in enumerate(("ana", "ben", "ana", "cem")):
        online.put(Member(name, "phone"), "s", device(), n, 0)
        online.remove(Member(name, "phone"), "s", n, n)
    assert [online.show(name).last_seen for name in ("ana", "cem")] == [2, 3]
    assert online.show("ben") == UserStatus("ben", "offline")


def test_after_a_stop_everybody_is_offline():
    online = users()
    online.put(PHONE, "a", device(), 0.0, 0)
    online.clear()
    assert (online.show("ana").status, online.next_timer(), len(online)) == ("offline", None, 0)
