"""Tracking stops, ends by itself, and rests in the background."""

import asyncio

import pytest

from realtime.connection.app_state import AppState
from realtime.location.fix import Fix
from realtime.location.precision import rounded
from realtime.utils import ambient
from tests.jumping_clock import jumping
from tests.location.ana import Ana, Pushed, fix, settle


class TestStoppingAndPausing:
    @jumping
    async def test_stopping_ends_the_source_and_is_told(self):
        ana = await Ana.tracking()
        await ana.move(1)
        assert ana.tracker.tracking
        ana.tracker.stop_tracking()
        await settle()
        assert not ana.tracker.tracking
        assert ana.source.readers == 0
        [stop] = [asked for asked in ana.socket.asked if asked.event == "location:stop"]
        assert (stop.payload, stop.ack, stop.volatile) == ({"roomId": "lobby"}, True, False)
        assert ana.state.fixes == {}
        ana.tracker.stop_tracking()
        ana.socket.disconnect()
        ana.socket.connect()
        assert ana.sent() == [1]

    @pytest.mark.clause("RT-LOC-11")
    @jumping
    async def test_sharing_ends_by_itself_and_is_announced(self):
        ana, stops = Ana(), []
        ana.tracker.on("stop", lambda *stop: stops.append(stop))
        start_ms = ambient.wall_time_ms()
        await ana.start(share_for_s=60)
        await ana.move(1)
        told = ana.socket.asked[-1].payload
        assert (told["until"], told["sentAt"]) == (start_ms + 60_000, start_ms), "the server has another clock"
        await asyncio.sleep(59)
        assert ana.tracker.tracking
        await asyncio.sleep(2)
        assert not ana.tracker.tracking
        assert stops == [("ana", "lobby", "expired")]
        assert ana.socket.said("location:stop") == [{"roomId": "lobby", "reason": "expired"}]
        assert ana.state.fixes == {}

    @jumping
    async def test_a_new_start_in_the_same_room_is_for_a_time_of_its_own_and_loses_nothing(self):
        ana = Ana(connected=False)
        await ana.start(share_for_s=60)
        await ana.move(1)
        await asyncio.sleep(30)
        await ana.start()
        await ana.move(2)
        await asyncio.sleep(100)
        ana.socket.connect()
        [update] = ana.socket.said("location:update")
        assert [each["timestamp"] for each in update["fixes"]] == [1000, 2000]
        assert "until" not in update
        assert ana.tracker.tracking

    @jumping
    async def test_what_was_kept_exact_is_told_rounded_once_that_is_wanted(self):
        ana = Ana(connected=False)
        await ana.start()
        await ana.move(1)
        await asyncio.sleep(1)
        await ana.move(2)
        await ana.start(precision_m=500)
        ana.socket.connect()
        [update] = ana.socket.said("location:update")
        assert [Fix.from_wire(each) for each in update["fixes"]] == [rounded(fix(1), 500), rounded(fix(2), 500)]

    @jumping
    @pytest.mark.clause("RT-LOC-13")
    async def test_a_plain_async_generator_survives_the_background(self):
        async def generator():
            for n in range(100):
                yield fix(n)
                await asyncio.sleep(1)

        ana = Ana()
        await ana.tracker.start_tracking(generator(), room_id="lobby")
        await asyncio.sleep(2.5)
        ana.socket.app_state.background()
        await asyncio.sleep(50)
        assert ana.state.fixes == {"ana": fix(2)}
        ana.socket.app_state.foreground()
        await settle()
        assert ana.state.fixes == {"ana": fix(52)}
        ana.tracker.stop_tracking()
        await asyncio.sleep(5)
        assert ana.told[-1] == ("ana", 52)

    @jumping
    async def test_starting_anew_replaces_the_former_source(self):
        ana = await Ana.tracking()
        former, ana.source = ana.source, Pushed()
        await ana.start(room_id="tram")
        assert former.readers == 0
        assert [asked.payload for asked in ana.socket.asked] == [{"roomId": "lobby"}], "location:stop for the old room"
        await ana.source.push(fix(1))
        assert ana.socket.asked[-1].payload["roomId"] == "tram"

    @jumping
    async def test_a_source_that_ends_ends_the_tracking_and_leaves_the_last_position(self):
        ana = await Ana.tracking()
        await ana.move(1)
        await ana.source.push(None)
        assert not ana.tracker.tracking
        assert ana.state.fixes == {"ana": fix(1)}
        assert "location:stop" not in ana.socket.said()

    @jumping
    async def test_a_source_that_fails_is_reported_and_ends_the_tracking(self, caplog):
        ana = await Ana.tracking()
        await ana.source.push(OSError("no GPS"))
        assert not ana.tracker.tracking
        assert ana.told == [("error", "no GPS")]
        assert "no GPS" in caplog.text

    @jumping
    async def test_a_failing_on_update_does_not_end_the_tracking(self, caplog):
        ana = Ana()
        await ana.start(on_update=lambda fix: 1 / 0)
        await ana.move(1)
        assert ana.tracker.tracking
        assert ana.sent() == [1]
        assert "ZeroDivisionError" in caplog.text

    @pytest.mark.clause("RT-LOC-2")
    @jumping
    async def test_in_the_background_tracking_stops_and_in_the_foreground_it_resumes(self):
        ana = await Ana.tracking()
        await ana.move(1)
        ana.socket.app_state.background()
        await settle()
        assert not ana.tracker.tracking
        assert ana.source.readers == 0, "nobody asks the device for fixes"
        assert ana.state.fixes == {"ana": fix(1)}
        await asyncio.sleep(600)
        assert ana.sent() == [1]
        ana.socket.app_state.foreground()
        await settle()
        assert ana.tracker.tracking
        await ana.move(2)
        assert ana.sent() == [2]

    @pytest.mark.clause("RT-LOC-2")
    @jumping
    async def test_what_was_not_told_before_the_background_is_not_told_from_there(self):
        ana = await Ana.tracking()
        await ana.move(1)
        await ana.move(2)
        ana.socket.app_state.background()
        await asyncio.sleep(60)
        ana.socket.disconnect()
        ana.socket.connect()
        assert ana.sent() == [1]

    @jumping
    async def test_while_only_inactive_it_goes_on(self):
        ana = await Ana.tracking()
        ana.socket.app_state.inactive()
        await ana.move(1)
        assert ana.sent() == [1]

    @jumping
    async def test_it_may_be_told_not_to_resume(self):
        ana = await Ana.tracking(resume_on_foreground=False)
        ana.socket.app_state.background()
        ana.socket.app_state.foreground()
        await settle()
        assert not ana.tracker.tracking
        assert ana.socket.said() == ["location:stop"]

    @jumping
    async def test_tracking_that_is_started_in_the_background_waits_for_the_foreground(self):
        state = AppState()
        state.background()
        ana = await Ana.tracking(app_state=state)
        assert not ana.tracker.tracking
        assert repr(ana.tracker) == "<LiveLocationTracker 'ana' paused room=lobby>"
        state.foreground()
        await ana.move(1)
        assert ana.sent() == [1]

    @pytest.mark.clause("RT-LOC-2")
    @jumping
    async def test_after_background_and_a_change_of_network_it_goes_on(self):
        ana = await Ana.tracking()
        await ana.move(1)
        ana.socket.app_state.background()
        ana.socket.disconnect("app background")
        await asyncio.sleep(100)
        ana.socket.app_state.foreground()
        await ana.move(2, 3)
        ana.socket.disconnect("network offline")
        await ana.move(4)
        ana.socket.connect()
        await ana.ack()
        assert ana.sent() == [1, 4]
