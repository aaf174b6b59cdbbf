"""Sharing one's way with one room: batches over connections that come and go, refusals, an end by itself."""

import asyncio

import pytest

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.kept_fixes import KeptFixes
from realtime.location.resolution import Resolution
from realtime.location.sharing import Sharing
from realtime.utils.ambient import wall_time_ms
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping
from tests.location.ana import fix


class Bench:
    """A sharing on a fake socket, at one update a second."""

    def __init__(self, *, connected=True, until_ms=None, interval_s=1.0, **options):
        self.socket = FakeSocket(connected=connected)
        self.rejected, self.expired_at = [], []
        self.sharing = Sharing(
            self.socket,
            "lobby",
            resolution=Resolution(interval_s=interval_s),
            max_kept=100,
            until_ms=until_ms,
            rejected=lambda fix, reason: self.rejected.append((fix.timestamp_ms // 1000, reason)),
            expired=lambda: self.expired_at.append(asyncio.get_running_loop().time()),
            **{"precision_m": None} | options,
        )

    def sent(self):
        """The numbers of the fixes in each update since the last call."""
        return [[each["timestamp"] // 1000 for each in told["fixes"]] for told in self.socket.said("location:update")]

    def connect(self):
        self.socket.connected = True
        self.sharing.connected()

    def disconnect(self):
        self.sharing.disconnected()
        self.socket.disconnect()


@jumping
async def test_what_was_measured_offline_follows_in_one_batch_in_its_order():
    bench = Bench(connected=False)
    for n in (1, 2, 3):
        bench.sharing.offer(fix(n))
        await asyncio.sleep(1)
    assert (bench.sent(), [each.timestamp_ms for each in bench.sharing.kept]) == ([], [1000, 2000, 3000])
    assert repr(bench.sharing) == "<Sharing room=lobby kept=3>"
    bench.connect()
    assert bench.sent() == [[1, 2, 3]]
    bench.socket.answer("location:update", accepted=3)
    assert bench.sharing.kept == ()
    bench.sharing.close()


@jumping
async def test_what_was_not_answered_when_the_connection_ended_is_told_again():
    bench = Bench()
    bench.sharing.offer(fix(1))
    assert bench.sent() == [[1]]
    bench.disconnect()
    assert len(bench.sharing.kept) == 1
    bench.connect()
    await asyncio.sleep(2)
    assert bench.sent() == [[1]]
    bench.socket.answer("location:update", accepted=1)
    assert bench.sharing.kept == ()
    bench.sharing.close()


@jumping
async def test_a_busy_line_takes_it_later():
    bench = Bench()
    bench.socket.busy = True
    bench.sharing.offer(fix(1))
    assert bench.sent() == []
    bench.socket.busy = False
    bench.sharing.offer(fix(2))
    await asyncio.sleep(2)
    assert bench.sent()[-1][-1] == 2
    bench.sharing.close()


@pytest.mark.parametrize(
    ("code", "is_told_again"),
    [("storage_failed", True), ("rate_limited", True), ("not_member", True), ("invalid_payload", False)],
)
def test_a_refusal_is_final_only_if_it_will_never_be_taken(code, is_told_again, caplog):
    @jumping
    async def script():
        bench = Bench()
        bench.sharing.offer(fix(1))
        bench.socket.refuse("location:update", code=code)
        assert bool(bench.sharing.kept) == is_told_again
        bench.sent()
        bench.disconnect()
        bench.connect()
        await asyncio.sleep(2)
        assert (bench.sent() == [[1]]) == is_told_again
        bench.sharing.close()

    script()
    assert code in caplog.text


@jumping
async def test_a_fix_that_the_server_rejects_is_told_with_its_reason():
    bench = Bench(connected=False)
    bench.sharing.offer(fix(1))
    await asyncio.sleep(1)
    bench.sharing.offer(fix(2))
    bench.connect()
    bench.socket.answer(
        "location:update", accepted=1, rejected=[{"index": 1, "reason": "too_fast"}, {"index": 9, "reason": "x"}]
    )
    assert bench.rejected == [(2, "too_fast")]
    assert bench.sharing.kept == ()
    bench.sharing.close()


@jumping
async def test_it_is_over_in_time_and_tells_the_server_when_that_is_by_both_clocks():
    bench = Bench(until_ms=wall_time_ms() + 30_000)
    bench.sharing.offer(fix(1))
    [told] = bench.socket.said("location:update")
    assert told["until"] - told["sentAt"] == 30_000
    await asyncio.sleep(60)
    assert bench.expired_at == [30.0]
    bench.sharing.close()


@pytest.mark.parametrize(("reason", "extra"), [("stopped", {}), ("expired", {"reason": "expired"})])
@pytest.mark.filterwarnings("error")
def test_its_end_is_told_to_the_room_and_nothing_is_kept(reason, extra, tmp_path):
    @jumping
    async def script():
        store = KeptFixes(tmp_path / "fixes")
        bench = Bench(connected=False, store=store)
        bench.sharing.offer(fix(1))
        await asyncio.sleep(60)
        assert len(store.of("lobby")) == 1
        bench.connect()
        bench.sharing.end(reason)
        assert bench.socket.said("location:stop") == [{"roomId": "lobby"} | extra]
        assert (store.of("lobby"), bench.sharing.kept) == ((), ())

    script()


@jumping
async def test_while_it_pauses_it_tells_nothing_and_then_goes_on():
    bench = Bench()
    bench.sharing.pause()
    bench.sharing.conditions(net=NetType.CELLULAR, battery=BatteryStatus(level=1.0, is_charging=True))
    await asyncio.sleep(5)
    assert bench.sent() == []
    bench.sharing.resume()
    bench.sharing.offer(fix(9))
    await asyncio.sleep(2)
    assert bench.sent() == [[9]]
    bench.sharing.close()


@jumping
async def test_what_an_earlier_run_left_goes_out_before_the_first_fix():
    bench = Bench(connected=False, unsent=[fix(1), fix(2)])
    bench.sharing.offer(fix(3))
    bench.connect()
    assert bench.sent() == [[1, 2, 3]]
    bench.sharing.close()


@jumping
async def test_positions_are_rounded_before_they_leave():
    bench = Bench(precision_m=1000.0)
    bench.sharing.offer(fix(1))
    [told] = bench.socket.said("location:update")
    assert told["fixes"][0]["longitude"] != fix(1).longitude
    assert told["fixes"][0]["accuracy"] >= 500
    bench.sharing.close()
