"""Tickets: asked for when it is time, a few times, also by the next process."""

from realtime.server.push.gateway import DELIVERED, Gone, Parcel, Push, PushToken, Rejected
from realtime.server.push.push_notes import Clock
from realtime.server.push.tickets import ASKED_AT_MOST, MOST_WAITING, Tickets


def parcel(n, platform="expo"):
    return Parcel(Push(id=f"m{n}"), PushToken("ana", f"phone {n}", platform, f"token {n}"))


def test_a_service_is_asked_when_it_is_time_and_what_failed_is_told():
    tickets = Tickets()
    for n in range(4):
        tickets.add(f"T{n}", parcel(n), 900.0 + n)
    assert tickets.next_timer() == 900.0
    assert tickets.take("expo", 899.0, 1000) == []
    asked = tickets.take("expo", 902.0, 1000)
    assert asked == ["T0", "T1", "T2"]
    assert (tickets.take("expo", 902.0, 1000), tickets.next_timer()) == ([], 903.0), "they are being asked for"
    failed = tickets.done(asked, {"T0": DELIVERED, "T1": Gone("DeviceNotRegistered"), "T2": Rejected("x")}, 1800.0)
    assert failed == [(parcel(1), Gone("DeviceNotRegistered")), (parcel(2), Rejected("x"))]
    assert len(tickets) == 1


def test_so_many_at_once_and_each_service_for_its_own():
    tickets = Tickets()
    for n in range(5):
        tickets.add(f"T{n}", parcel(n, "web" if n == 2 else "expo"), 0.0)
    assert tickets.take("expo", 0.0, 3) == ["T0", "T1", "T3"]
    assert tickets.take("expo", 0.0, 3) == ["T4"]
    assert tickets.take("web", 0.0, 3) == ["T2"]


def test_a_receipt_that_does_not_come_is_asked_for_again_and_given_up_in_the_end():
    tickets = Tickets()
    tickets.add("T", parcel(1), 0.0)
    for n in range(ASKED_AT_MOST):
        assert tickets.take("expo", float(n), 10) == ["T"]
        assert tickets.done(["T"], {}, n + 1.0) == []
    assert (len(tickets), tickets.next_timer()) == (0, None)


def test_of_too_many_the_oldest_are_not_followed():
    tickets = Tickets()
    for n in range(MOST_WAITING + 1):
        tickets.add(f"T{n}", parcel(1), 0.0)
    assert tickets.take("expo", 0.0, 1) == ["T1"]
    assert tickets.done(["T0"], {"T0": Rejected("x")}, 0.0) == [], "one that was let go of"


def test_the_next_process_asks_for_what_was_not_answered():
    before = Tickets()
    for n in range(3):
        before.add(f"T{n}", parcel(n), 1000.0 + n)
    notes = {note.key: note for note in before.changes(Clock(100.0, 500_000))}
    asked = before.take("expo", 1001.0, 10)
    before.done(asked, {"T0": DELIVERED}, 2000.0)
    notes |= {note.key: note for note in before.changes(Clock(1001.0, 1_401_000))}
    assert before.changes(Clock(1001.0, 1_401_000)) == []
    after = Tickets()
    after.restore([note for note in notes.values() if note.value is not None], Clock(1.0, 1_401_500))
    assert after.next_timer() == 1.0 + 0.5, "T2 was due at 1002"
    assert after.take("expo", 1.5, 10) == ["T2"]
    assert after.done(["T2"], {"T2": Rejected("x")}, 9.0) == [(parcel(2), Rejected("x"))]
    for n in range(1, ASKED_AT_MOST):  # T1 was asked for once already
        assert after.take("expo", 1e6, 10) == ["T1"], n
        after.done(["T1"], {}, 1e6)
    assert len(after) == 0
