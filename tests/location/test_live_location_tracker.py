"""The tracker, with the test as its server: what it tells of its own way, and what it makes of the others'."""

import asyncio

import pytest

from realtime.connection.app_state import AppState
from realtime.connection.errors import ConnectionLost
from realtime.connection.message_queue import QueuedMessage
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.protocol.errors import LocalProtocolError
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping


def fix(n):
    return Fix(latitude=59.9, longitude=10.7 + n / 1000, accuracy_m=5.0, timestamp_ms=1000 * n)


class Pushed:
    """A source whose fixes are pushed by the test."""

    def __init__(self):
        self.queue = asyncio.Queue()
        self.readers = 0

    async def __aiter__(self):
        self.readers += 1
        try:
            while (pushed := await self.queue.get()) is not None:
                if isinstance(pushed, Exception):
                    raise pushed
                yield pushed
        finally:
            self.readers -= 1

    async def push(self, *fixes):
        for each in fixes:
            self.queue.put_nowait(each)
        await settle()


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


class Ana:
    """Ana's tracker on a fake socket."""

    def __init__(self, *, connected=True, acks=True, **options):
        self.socket = FakeSocket(connected=connected)
        self.tracker = LiveLocationTracker(self.socket, user_id="ana", **options)
        self.source = Pushed()
        self.acks = acks
        self.told = []
        self.tracker.on("update", lambda user_id, fix: self.told.append((user_id, fix.timestamp_ms // 1000)))
        self.tracker.on("error", lambda error: self.told.append(("error", str(error))))

    @classmethod
    async def tracking(cls, **options):
        ana = cls(**options)
        await ana.start()
        return ana

    async def start(self, **options):
        await self.tracker.start_tracking(self.source, **{"room_id": "lobby"} | options)
        await settle()

    async def move(self, *numbers):
        await self.source.push(*map(fix, numbers))
        if self.acks:
            await self.ack()

    async def ack(self):
        while any(asked.event == "location:update" for asked in self.socket.outbox):
            self.socket.answer("location:update", accepted=1)
        await settle()

    def sent(self):
        """Take the fixes that were broadcast so far."""
        updates = self.socket.said("location:update")
        assert all(update["roomId"] == "lobby" for update in updates)
        return [round(update["fixes"][-1]["timestamp"] / 1000) for update in updates]

    @property
    def state(self):
        return self.tracker.state.snapshot


class TestTelling:
    @pytest.mark.clause("RT-LOC-1")
    @jumping
    async def test_ten_fixes_within_a_second_make_two_updates_and_the_newest_wins(self):
        ana = await Ana.tracking(interval_s=1.0)
        for n in range(1, 11):
            await ana.move(n)
            await asyncio.sleep(0.09)
        await asyncio.sleep(3)
        assert ana.sent() == [1, 10]

    @jumping
    async def test_an_update_is_volatile_acknowledged_and_as_on_the_wire(self):
        ana = await Ana.tracking()
        await ana.move(1)
        [asked] = ana.socket.asked
        assert (asked.event, asked.volatile, asked.ack) == ("location:update", True, True)
        assert asked.payload == {"roomId": "lobby", "fixes": [fix(1).to_wire()]}

    @pytest.mark.clause("RT-LOC-1")
    @jumping
    async def test_while_an_update_is_unacknowledged_the_newest_fix_waits(self):
        ana = await Ana.tracking(acks=False)
        for n in (1, 2, 3):
            await ana.move(n)
            await asyncio.sleep(1)
        assert ana.sent() == [1]
        await ana.ack()
        assert ana.sent() == [3]
        await ana.move(4)
        await asyncio.sleep(11)
        assert ana.sent() == [4], "an acknowledgement that never comes does not end the tracking"

    @jumping
    async def test_a_refused_update_is_logged_and_the_next_one_goes_out(self, caplog):
        ana = await Ana.tracking(acks=False)
        await ana.move(1)
        ana.socket.refuse("location:update", "not_member", "join first")
        assert "join first" in caplog.text
        await asyncio.sleep(1)
        await ana.move(2)
        assert ana.sent() == [1, 2]

    @jumping
    async def test_an_update_that_a_busy_connection_drops_is_told_later(self):
        ana = await Ana.tracking()
        ana.socket.busy = True
        await ana.move(1)
        assert ana.sent() == []
        ana.socket.busy = False
        await asyncio.sleep(1.1)
        assert ana.sent() == [1]

    @pytest.mark.clause("RT-LOC-1")
    @jumping
    async def test_offline_the_newest_fix_waits_and_goes_out_at_the_return(self):
        ana = await Ana.tracking(connected=False)
        await ana.move(1, 2, 3)
        await asyncio.sleep(60)
        assert ana.sent() == []
        assert ana.socket.outbox == []
        ana.socket.connect()
        assert ana.sent() == [3]

    @jumping
    async def test_after_a_reconnect_the_newest_fix_is_told_again(self):
        ana = await Ana.tracking(acks=False)
        await ana.move(1)
        [asked] = ana.socket.outbox
        asked.receipt.failed(ConnectionLost("ping timeout"))
        ana.socket.disconnect()
        await asyncio.sleep(5)
        ana.socket.connect()
        assert ana.sent() == [1, 1]

    @jumping
    async def test_tracking_without_broadcasting_is_for_the_own_map_only(self):
        ana = await Ana.tracking()
        ana.tracker.stop_tracking()
        ana.socket.said()
        await ana.start(broadcast=False)
        await ana.move(5)
        ana.tracker.stop_tracking()
        assert ana.socket.said() == []
        assert ana.told == [("ana", 5)]

    @jumping
    async def test_own_fixes_are_shown_and_handed_on_at_once(self):
        ana, seen = Ana(connected=False), []
        await ana.start(on_update=seen.append)
        await ana.move(1, 2)
        assert seen == [fix(1), fix(2)]
        assert ana.state.fixes == {"ana": fix(2)}
        assert ana.state.trails == {"ana": (fix(1), fix(2))}
        assert ana.told == [("ana", 1), ("ana", 2)]


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


class TestHearing:
    def hear(self, ana, *numbers, user_id="ben", room_id="lobby"):
        fixes = [fix(n).to_wire() for n in numbers]
        ana.socket.dispatch("location:update", {"roomId": room_id, "userId": user_id, "fixes": fixes}, "offset")

    @jumping
    async def test_others_are_shown_and_told(self):
        ana = Ana()
        self.hear(ana, 1)
        self.hear(ana, 3, 2)
        assert ana.state.fixes == {"ben": fix(3)}
        assert ana.state.trails == {"ben": (fix(1), fix(2), fix(3))}
        assert ana.told == [("ben", 1), ("ben", 3)]

    @jumping
    async def test_an_older_or_repeated_fix_moves_nobody_back(self):
        ana = Ana()
        self.hear(ana, 5)
        self.hear(ana, 4)
        self.hear(ana, 5)
        assert ana.state.fixes == {"ben": fix(5)}
        assert ana.told == [("ben", 5)]

    @jumping
    async def test_a_trail_is_bounded(self):
        ana = Ana(trail_length=3)
        for n in range(9):
            self.hear(ana, n)
        assert ana.state.trails["ben"] == (fix(6), fix(7), fix(8))

    @jumping
    async def test_who_stops_sharing_disappears(self):
        ana = Ana()
        self.hear(ana, 1)
        self.hear(ana, 1, user_id="cleo")
        ana.socket.dispatch("location:stop", {"roomId": "lobby", "userId": "ben"})
        assert set(ana.state.fixes) == {"cleo"}

    @jumping
    async def test_each_room_shows_who_shares_in_it(self):
        ana = Ana()
        self.hear(ana, 1)
        self.hear(ana, 2, room_id="tram")
        self.hear(ana, 1, user_id="cleo", room_id="tram")
        assert ana.tracker.room("lobby").snapshot.fixes == {"ben": fix(1)}
        assert ana.tracker.room("tram").snapshot.fixes == {"ben": fix(2), "cleo": fix(1)}
        assert ana.state.fixes == {"ben": fix(2), "cleo": fix(1)}
        ana.socket.dispatch("location:stop", {"roomId": "tram", "userId": "ben"})
        assert set(ana.tracker.room("tram").snapshot.fixes) == {"cleo"}
        assert set(ana.state.fixes) == {"ben", "cleo"}, "still sharing in the lobby"
        ana.socket.dispatch("location:stop", {"roomId": "lobby", "userId": "ben"})
        assert set(ana.state.fixes) == {"cleo"}

    @pytest.mark.parametrize(
        "payload",
        [None, 7, {"roomId": "lobby"}, {"roomId": "lobby", "userId": "ben", "fixes": [{"latitude": 91}]}],
    )
    @jumping
    async def test_what_makes_no_sense_is_logged_and_ignored(self, payload, caplog):
        ana = Ana()
        ana.socket.dispatch("location:update", payload)
        ana.socket.dispatch("location:update")
        ana.socket.dispatch("location:stop", payload)
        assert ana.state.fixes == {}
        assert "location:update" in caplog.text

    @jumping
    async def test_an_update_without_fixes_says_nothing(self):
        ana = Ana()
        self.hear(ana)
        assert ana.told == []


class TestTheRest:
    @jumping
    async def test_a_room_needs_a_name(self):
        with pytest.raises(LocalProtocolError, match="room id"):
            await Ana().start(room_id="")

    @jumping
    async def test_it_shows_itself_in_a_line(self):
        ana = Ana()
        assert repr(ana.tracker) == "<LiveLocationTracker 'ana' stopped>"
        await ana.start()
        assert repr(ana.tracker) == "<LiveLocationTracker 'ana' tracking room=lobby>"

    @jumping
    async def test_handlers_can_be_taken_off(self):
        ana, seen = Ana(), []
        handler = ana.tracker.on("update", lambda *args: seen.append(args))
        ana.tracker.once("update", lambda *args: seen.append("once"))
        await ana.start()
        await ana.move(1)
        ana.tracker.off("update", handler)
        await ana.move(2)
        assert seen == [("ana", fix(1)), "once"]

    @jumping
    async def test_a_closed_tracker_is_silent_and_deaf(self):
        ana = await Ana.tracking()
        await ana.move(1)
        await ana.move(2)
        ana.tracker.close()
        await asyncio.sleep(10)
        assert ana.source.readers == 0
        assert ana.sent() == [1]
        ana.socket.dispatch("location:update", {"roomId": "lobby", "userId": "ben", "fixes": [fix(1).to_wire()]})
        ana.socket.app_state.background()
        ana.socket.app_state.foreground()
        ana.socket.disconnect()
        ana.socket.connect()
        assert "ben" not in ana.state.fixes
        assert ana.sent() == []


@jumping
async def test_a_stop_that_an_earlier_run_left_does_not_end_what_is_tracked_now():
    socket = FakeSocket()
    receipts = []
    for number, room_id in enumerate(("lobby", "kitchen")):
        receipts.append(Receipt(-number, lambda message_id: True))
        payload = {"roomId": room_id}
        socket.left.append((QueuedMessage(-number, "location:stop", (payload,), True, b"", (), 0.0), receipts[-1]))
    tracker = LiveLocationTracker(socket, user_id="ana")
    await tracker.start_tracking(Pushed(), room_id="lobby")
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.FAILED, ReceiptStatus.QUEUED]
    tracker.close()
