"""Crossings on the phone: told to the app at once, and to the room for certain."""

import random

import pytest

from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.live_location_tracker import LiveLocationTracker
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping
from tests.location.ana import Pushed

HOME = Circle("home", (60.0, 10.0), radius_m=100)


def fix(north_m, second):
    return Fix(latitude=60 + north_m / 111_195, longitude=10.0, accuracy_m=5.0, timestamp_ms=1000 * second)


class Ana:
    def __init__(self, **options):
        self.socket = FakeSocket()
        self.alerts = GeofenceAlerts(self.socket, [HOME], rng=random.Random(0), **{"room_id": "lobby"} | options)
        self.heard = []
        for kind in ("enter", "exit", "dwell"):
            self.alerts.on(kind, lambda each: self.heard.append((each.kind.value, each.fence_id)))


@jumping
async def test_a_crossing_is_told_to_the_app_and_to_the_room():
    ana = Ana()
    ana.alerts.feed(fix(-300, 0))
    [crossing] = ana.alerts.feed(fix(0, 10))
    assert ana.heard == [("enter", "home")]
    [asked] = ana.socket.asked
    assert (asked.event, asked.ack, asked.volatile) == ("geofence:event", True, False)
    assert asked.payload == {
        "roomId": "lobby",
        "fenceId": "home",
        "transition": "enter",
        "fix": crossing.fix.to_wire(),
        "eventId": asked.payload["eventId"],
    }
    assert ana.alerts.inside.snapshot == ("home",)


@pytest.mark.clause("RT-GEO-4")
@jumping
async def test_what_is_said_offline_waits_in_the_outbox():
    ana = Ana()
    ana.socket.disconnect()
    ana.alerts.feed(fix(-300, 0))
    ana.alerts.feed(fix(300, 20))
    assert [asked.payload["transition"] for asked in ana.socket.outbox] == ["enter", "exit"]
    assert len({asked.payload["eventId"] for asked in ana.socket.outbox}) == 2


@jumping
async def test_without_a_room_only_the_app_is_told():
    ana = Ana(room_id=None)
    ana.alerts.feed(fix(0, 0))
    assert ana.heard == [("enter", "home")]
    assert ana.socket.asked == []


@jumping
async def test_what_the_room_is_told_may_be_rounded():
    ana = Ana(precision_m=1000)
    ana.alerts.feed(fix(0, 0))
    assert ana.socket.asked[0].payload["fix"]["accuracy"] > 700


@jumping
async def test_it_follows_a_tracker_also_over_the_background():
    ana = Ana()
    tracker, source = LiveLocationTracker(ana.socket, user_id="ana"), Pushed()
    ana.alerts.follow(tracker)
    await tracker.start_tracking(source, room_id="lobby", broadcast=False)
    await source.push(fix(-300, 0))
    ana.socket.app_state.background()
    await source.push()
    ana.socket.app_state.foreground()
    await source.push(fix(300, 600))
    assert ana.heard == [("enter", "home"), ("exit", "home")]
    ana.alerts.close()
    await source.push(fix(0, 700))
    assert len(ana.heard) == 2
    tracker.close()


@jumping
async def test_a_full_outbox_is_told_to_the_app(caplog):
    ana, errors = Ana(), []
    ana.alerts.on("error", errors.append)
    ana.socket.full = True
    ana.alerts.feed(fix(0, 0))
    assert ana.heard == [("enter", "home")]
    assert [error.code for error in errors] == ["queue_full"]


class TestAcrossRuns:
    @pytest.fixture
    def file(self, tmp_path):
        return tmp_path / "fences.json"

    def test_who_is_inside_does_not_enter_again_and_leaves_at_the_right_time(self, file):
        first = Ana(kept_in=file)
        first.alerts.feed(fix(-300, 0))
        first.alerts.feed(fix(0, 10))
        again = Ana(kept_in=file)
        assert again.alerts.inside.snapshot == ("home",)
        again.alerts.feed(fix(0, 20))
        assert again.heard == []
        [left] = again.alerts.feed(fix(300, 50))  # 10 m/s from the middle: the border is 10 s from there
        assert left.at_ms == pytest.approx(30_000, abs=100)

    def test_what_was_crossed_between_two_runs_is_told_of(self, file):
        Ana(kept_in=file).alerts.feed(fix(-300, 20))
        again = Ana(kept_in=file)
        again.alerts.feed(fix(300, 80))
        assert again.heard == [("enter", "home"), ("exit", "home")]

    def test_of_a_way_through_nothing_little_is_written(self, file):
        ana, seen = Ana(kept_in=file), set()
        for second in range(60):
            ana.alerts.feed(fix(-5000 + second, second))
            seen.add(file.read_bytes())
        assert len(seen) <= 7, "each 10 s"

    def test_what_cannot_be_read_is_set_aside(self, file, caplog):
        file.write_text("what?")
        ana = Ana(kept_in=file)
        assert "set aside" in caplog.text
        ana.alerts.feed(fix(0, 0))
        assert ana.heard == [("enter", "home")]

    def test_a_disk_that_fails_takes_no_crossing_away(self, file, caplog):
        file.with_name("fences.json-new").mkdir()  # where it would write
        ana = Ana(kept_in=file)
        ana.alerts.feed(fix(0, 0))
        assert ana.heard == [("enter", "home")]
        assert "could not be written" in caplog.text


@pytest.mark.parametrize("options", [{"room_id": ""}, {"room_id": "x" * 257}])
def test_a_room_needs_a_name(options):
    with pytest.raises(ValueError, match="room_id"):
        Ana(**options)
