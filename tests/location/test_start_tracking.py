"""What ``start_tracking`` takes, one by one."""

import asyncio

import pytest

from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.precision import rounded
from realtime.protocol.errors import LocalProtocolError
from realtime.utils import ambient
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping
from tests.location.ana import Ana, Pushed, fix, settle


@pytest.mark.parametrize("broadcast", [True, False])
@jumping
async def test_on_update_gets_the_first_fix_at_once_and_then_the_newest_per_interval(broadcast):
    ana, seen = Ana(), []
    await ana.start(on_update=seen.append, broadcast=broadcast)
    for n in range(10):
        await ana.move(1 + n / 10)
        await asyncio.sleep(0.09)
    assert seen == [fix(1)]
    await asyncio.sleep(60)
    assert seen == [fix(1), fix(1.9)]


@jumping
async def test_on_update_is_not_called_in_the_background_nor_after_the_end():
    ana, seen = Ana(), []
    await ana.start(on_update=seen.append)
    await ana.move(1, 2)
    ana.socket.app_state.background()
    await asyncio.sleep(60)
    assert seen == [fix(1)]
    ana.socket.app_state.foreground()
    await settle()
    assert seen == [fix(1), fix(2)]
    await ana.move(63, 64)
    ana.tracker.stop_tracking()
    await asyncio.sleep(60)
    assert seen == [fix(1), fix(2)]


@jumping
async def test_broadcast_false_keeps_the_position_here():
    ana = Ana()
    await ana.start(broadcast=False)
    await ana.move(1)
    ana.tracker.stop_tracking()
    assert ana.socket.said() == []


@jumping
async def test_the_room_id_is_of_the_room_that_is_told():
    ana = Ana()
    await ana.start(room_id="tram")
    await ana.source.push(fix(1))
    assert [asked.payload["roomId"] for asked in ana.socket.asked] == ["tram"]
    assert ana.tracker.room("tram").snapshot.fixes == {"ana": fix(1)}
    assert ana.tracker.room("lobby").snapshot.fixes == {}


@jumping
async def test_who_tells_nobody_needs_no_room():
    ana = Ana()
    await ana.start(room_id=None, broadcast=False)
    await ana.move(1)
    assert ana.state.fixes == {"ana": fix(1)}
    assert list(ana.tracker.to_frame().user) == ["ana"]
    ana.tracker.stop_tracking()
    assert ana.state.fixes == {}
    assert ana.socket.said() == []


@jumping
async def test_a_room_that_is_to_be_told_needs_a_name():
    with pytest.raises(LocalProtocolError, match="room_id"):
        await Ana().start(room_id=None)


@pytest.mark.parametrize(("of_the_tracker", "of_the_start", "goes_on"), [(True, False, False), (False, True, True)])
@jumping
async def test_resume_on_foreground_is_first_of_the_start_then_of_the_tracker(of_the_tracker, of_the_start, goes_on):
    ana = Ana(resume_on_foreground=of_the_tracker)
    await ana.start(resume_on_foreground=of_the_start)
    ana.socket.app_state.background()
    ana.socket.app_state.foreground()
    await settle()
    assert ana.tracker.tracking is goes_on
    await ana.start()
    ana.socket.app_state.background()
    ana.socket.app_state.foreground()
    await settle()
    assert ana.tracker.tracking is of_the_tracker


@jumping
async def test_share_for_s_is_the_end():
    ana = Ana()
    await ana.start(share_for_s=60)
    await ana.move(1)
    assert ana.socket.said("location:update")[0]["until"] == ambient.wall_time_ms() + 60_000
    await asyncio.sleep(60)
    assert not ana.tracker.tracking
    assert ana.socket.said("location:stop") == [{"roomId": "lobby", "reason": "expired"}]


@jumping
async def test_precision_m_is_what_the_room_knows():
    ana = Ana()
    await ana.start(precision_m=500)
    await ana.move(1)
    [update] = ana.socket.said("location:update")
    assert [Fix.from_wire(each) for each in update["fixes"]] == [rounded(fix(1), 500)]
    assert ana.state.fixes == {"ana": fix(1)}


class TestWhereTheFixesComeFrom:
    @jumping
    async def test_the_source_may_be_the_trackers_own(self):
        source = Pushed()
        tracker = LiveLocationTracker(FakeSocket(), user_id="ana", source=source)
        await tracker.start_tracking(room_id="lobby")
        await source.push(fix(1))
        assert tracker.state.snapshot.fixes == {"ana": fix(1)}
        tracker.stop_tracking()
        other = Pushed()
        await tracker.start_tracking(other, room_id="lobby")
        await other.push(fix(2))
        assert tracker.state.snapshot.fixes == {"ana": fix(2)}
        assert source.readers == 0

    @jumping
    async def test_without_any_nothing_starts(self):
        tracker = LiveLocationTracker(FakeSocket(), user_id="ana")
        with pytest.raises(LocalProtocolError, match="source"):
            await tracker.start_tracking(room_id="lobby")

    @pytest.mark.parametrize("what", ["lobby", [fix(1)], Pushed])
    async def test_what_is_no_source_is_refused_at_once(self, what):
        with pytest.raises(LocalProtocolError, match="async for"):
            await LiveLocationTracker(FakeSocket(), user_id="ana").start_tracking(what, room_id="lobby")
        with pytest.raises(LocalProtocolError, match="async for"):
            await LiveLocationTracker(FakeSocket(), user_id="ana").start_tracking(what)

    @jumping
    async def test_the_trackers_own_generator_can_be_stopped_and_followed_again(self):
        async def generator():
            for n in range(100):
                yield fix(n)
                await asyncio.sleep(1)

        tracker = LiveLocationTracker(FakeSocket(), user_id="ana", source=generator())
        await tracker.start_tracking(room_id="lobby")
        await asyncio.sleep(2.5)
        tracker.stop_tracking()
        await asyncio.sleep(10)
        await tracker.start_tracking(room_id="lobby")
        await settle()
        assert tracker.state.snapshot.fixes == {"ana": fix(12)}
        tracker.close()

    @pytest.mark.clause("RT-LOC-13")
    @jumping
    async def test_a_plain_async_iterator_will_do(self):
        class Countdown:
            def __init__(self):
                self.left = 5

            def __aiter__(self):
                return self

            async def __anext__(self):
                if not self.left:
                    raise StopAsyncIteration
                self.left -= 1
                await asyncio.sleep(1)
                return fix(5 - self.left)

        ana = Ana()
        await ana.tracker.start_tracking(Countdown(), room_id="lobby")
        await asyncio.sleep(10)
        assert [n for _, n in ana.told] == [1, 2, 3, 4, 5]
        assert not ana.tracker.tracking
