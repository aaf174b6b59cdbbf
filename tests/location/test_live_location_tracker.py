"""The tracker, with the test as its server: what it tells of its own way, and what it makes of the others'."""

import asyncio

import msgspec
import pytest

from realtime.connection.errors import ConnectionLost
from realtime.connection.message_queue import QueuedMessage
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.precision import rounded
from realtime.location.resolution import Resolution
from realtime.protocol.errors import LocalProtocolError
from realtime.utils import ambient
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping
from tests.location.ana import Ana, Pushed, fix


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
        await asyncio.sleep(9)
        assert ana.sent() == [4]
        await ana.move(5)
        await asyncio.sleep(3)
        assert ana.sent() == [5], "an acknowledgement that never comes does not end the tracking"

    @jumping
    async def test_a_refused_update_is_logged_and_told_again(self, caplog):
        ana = await Ana.tracking(acks=False)
        await ana.move(1)
        ana.socket.refuse("location:update", "not_member", "join first")
        assert "join first" in caplog.text
        await ana.move(2)
        assert ana.sent() == [1]
        await asyncio.sleep(1)
        assert ana.socket.said("location:update") == [
            {"roomId": "lobby", "fixes": [fix(1).to_wire(), fix(2).to_wire()]}
        ]

    @jumping
    async def test_an_update_that_is_wrong_is_not_told_again(self):
        ana = await Ana.tracking(acks=False)
        await ana.move(1)
        ana.socket.refuse("location:update", "invalid_payload")
        await asyncio.sleep(60)
        assert ana.sent() == [1]

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
    async def test_offline_one_fix_per_interval_is_kept_and_all_go_out_at_the_return(self):
        ana = await Ana.tracking(connected=False)
        for n in (1, 1.5, 2, 2.5, 3):
            await ana.move(n)
            await asyncio.sleep(0.5)
        await asyncio.sleep(60)
        assert ana.tracker.kept == (fix(1), fix(1.5), fix(2.5), fix(3))
        assert ana.sent() == []
        assert ana.socket.outbox == [], "the outbox is for what must not be thinned"
        ana.socket.connect()
        [update] = ana.socket.said("location:update")
        assert [each["timestamp"] for each in update["fixes"]] == [1000, 1500, 2500, 3000]

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

    @pytest.mark.clause("RT-LOC-9")
    @jumping
    async def test_what_is_not_believed_is_rejected_with_a_reason_and_not_told(self):
        ana, rejected = await Ana.tracking(), []
        ana.tracker.on("rejected", lambda fix, reason: rejected.append((fix.timestamp_ms, str(reason))))
        await ana.source.push(fix(5), fix(4), msgspec.structs.replace(fix(6), longitude=20.0))
        await ana.source.push(msgspec.structs.replace(fix(7), accuracy_m=5001.0))
        await ana.move(8)
        assert rejected == [(4000, "late"), (6000, "too_fast"), (7000, "inaccurate")]
        assert ana.told == [("ana", 5), ("ana", 8)]

    @pytest.mark.clause("RT-LOC-9")
    @jumping
    async def test_a_fix_of_the_future_is_rejected_and_the_present_ones_go_on(self):
        ana, rejected = await Ana.tracking(), []
        ana.tracker.on("rejected", lambda fix, reason: rejected.append(str(reason)))
        await ana.source.push(msgspec.structs.replace(fix(1), timestamp_ms=ambient.wall_time_ms() + 86_401_000))
        await ana.move(2)
        assert (rejected, ana.told) == (["future"], [("ana", 2)])

    @pytest.mark.clause("RT-LOC-9")
    @jumping
    async def test_what_the_server_does_not_believe_is_rejected_too(self):
        ana, rejected = await Ana.tracking(acks=False), []
        ana.tracker.on("rejected", lambda fix, reason: rejected.append((fix, reason)))
        await ana.move(1)
        ana.socket.answer("location:update", accepted=0, rejected=[{"index": 0, "reason": "expired"}])
        assert rejected == [(fix(1), "expired")]
        await asyncio.sleep(20)
        assert ana.sent() == [1]

    @pytest.mark.clause("RT-LOC-4")
    @jumping
    async def test_a_low_battery_and_a_mobile_network_make_updates_rarer(self):
        resolution = Resolution(interval_s=1.0, cellular_factor=2.0, low_battery_factor=3.0)
        ana = await Ana.tracking(resolution=resolution)

        async def told_in_a_minute(start):
            for n in range(60):
                await ana.move(start + n)
                await asyncio.sleep(1)
                await ana.ack()
            return len(ana.sent())

        assert await told_in_a_minute(0) == 60
        ana.socket.net_info.update(type="cellular")
        assert await told_in_a_minute(100) == 30
        ana.tracker.battery.update(level=0.1)
        assert await told_in_a_minute(200) == 10
        ana.socket.net_info.update(type="wifi")
        ana.tracker.battery.update(is_charging=True)
        assert await told_in_a_minute(300) in (60, 61), "what waited for the longer interval is due at once"

    @pytest.mark.clause("RT-LOC-10")
    @jumping
    async def test_the_room_is_told_a_rounded_position_and_the_own_map_shows_the_exact_one(self):
        ana = Ana()
        await ana.start(precision_m=1000)
        for n in range(1, 10):
            await ana.move(n)  # 56 m each
            await asyncio.sleep(1)
        assert ana.state.fixes == {"ana": fix(9)}
        [update] = ana.socket.said("location:update")
        [told] = update["fixes"]
        assert Fix.from_wire(told) == rounded(fix(1), 1000)

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
        await ana.start()
        ana.tracker.on("fix", seen.append)
        await ana.move(1, 2)
        assert seen == [fix(1), fix(2)]
        assert ana.state.fixes == {"ana": fix(2)}
        assert ana.state.trails == {"ana": (fix(1), fix(2))}
        assert ana.told == [("ana", 1), ("ana", 2)]


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
    async def test_the_answer_to_a_join_says_who_shares_and_who_does_not_any_more(self):
        ana, stops = Ana(), []
        ana.tracker.on("stop", lambda *stop: stops.append(stop))
        await ana.start()
        await ana.move(7)
        self.hear(ana, 1, 2)
        self.hear(ana, 1, user_id="cleo")
        self.hear(ana, 1, user_id="cleo", room_id="tram")
        ana.socket.emit("room:join", {"roomId": "lobby"}, ack=True, volatile=True)
        locations = [{"userId": "ben", "fix": fix(5).to_wire()}, {"userId": "dora", "fix": fix(3).to_wire()}]
        ana.socket.answer("room:join", locations=locations)
        assert stops == [("cleo", "lobby", "gone")]
        assert ana.tracker.room("lobby").snapshot.fixes == {"ana": fix(7), "ben": fix(5), "dora": fix(3)}
        assert ana.state.trails["ben"] == (fix(1), fix(2), fix(5))
        assert set(ana.state.fixes) == {"ana", "ben", "cleo", "dora"}, "cleo is in the tram"
        ana.socket.emit("room:join", {"roomId": "lobby"}, ack=True, volatile=True)
        ana.socket.answer("room:join", position="x:1")
        assert set(ana.tracker.room("lobby").snapshot.fixes) == {"ana", "ben", "dora"}, "a server that does not say"

    @jumping
    async def test_what_was_heard_can_be_had_as_a_table(self):
        ana = Ana()
        self.hear(ana, 1, 2)
        self.hear(ana, 1, room_id="tram")
        assert list(ana.tracker.to_frame("lobby").user) == ["ben", "ben"]
        assert list(ana.tracker.to_frame().room) == ["lobby", "lobby", "tram"]

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

    @pytest.mark.parametrize("options", [{"share_for_s": 0}, {"share_for_s": float("inf")}, {"precision_m": 0}])
    @jumping
    async def test_nonsense_is_refused_by_name(self, options):
        ana = await Ana.tracking()
        [name] = options
        with pytest.raises(ValueError, match=name):
            await ana.start(**options)
        assert ana.tracker.tracking, "as before"

    def test_an_interval_is_given_once(self):
        with pytest.raises(ValueError, match="interval_s"):
            Ana(interval_s=1.0, resolution=Resolution())

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


@jumping
async def test_nor_does_an_own_one_that_nobody_has_answered_yet():
    ana = await Ana.tracking()
    await ana.move(1)
    ana.tracker.stop_tracking()
    ana.socket.disconnect()
    ana.socket.said()
    await ana.start()
    ana.socket.connect()
    await ana.move(2)
    assert "location:stop" not in ana.socket.said()


@jumping
async def test_another_room_still_hears_of_its_end():
    ana = await Ana.tracking()
    await ana.move(1)
    ana.socket.disconnect()
    await ana.start(room_id="kitchen")
    ana.socket.connect()
    assert ana.socket.said("location:stop") == [{"roomId": "lobby"}]


@jumping
async def test_what_the_server_says_of_the_own_position_before_it_has_heard_of_the_end_is_not_shown():
    """A join that was answered before the stop was handled tells of what is over by then."""
    ana = await Ana.tracking()
    await ana.move(1)
    ana.tracker.stop_tracking()
    where = [{"userId": "ana", "fix": fix(1).to_wire()}, {"userId": "ben", "fix": fix(2).to_wire()}]

    def shown():
        ana.socket.emit("room:join", {"roomId": "lobby"}, ack=True, volatile=True)
        ana.socket.answer("room:join", locations=where)
        return set(ana.tracker.room("lobby").snapshot.fixes)

    assert shown() == {"ben"}
    ana.socket.answer("location:stop")
    assert shown() == {"ana", "ben"}, "another device of ana's"
