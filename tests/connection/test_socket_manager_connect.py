"""The first connection: every way in which it can fail, and when it is given up."""

from __future__ import annotations

import asyncio

import pytest

from realtime.connection.app_state import AppState
from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import ConnectionLost, ConnectRefused, ConnectTimeout
from realtime.connection.net_info import NetInfo
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.sim.world import World
from tests.connection.peer import Mood
from tests.connection.stage import Phone, open_server, simulated


async def expect_timeout(world: World, ana: Phone) -> ConnectTimeout:
    """Connecting fails at its limit, to the millisecond, and leaves nothing behind."""
    limit_s = 20
    started = world.now_s
    with pytest.raises(ConnectTimeout, match=r"http://server:8765 within 20 s; last failure: ") as timeout:
        await ana.connect()
    assert world.now_s - started == pytest.approx(limit_s, abs=0.0005)
    assert ana.socket.state is ConnectionState.DISCONNECTED
    written = list(ana.diary)
    await asyncio.sleep(600)
    assert ana.diary == written
    return timeout.value


@pytest.mark.parametrize(
    ("mood", "stage"),
    [
        (Mood.SILENT, "waiting for the WebSocket upgrade"),
        (Mood.MUTE, "waiting for the Engine.IO handshake"),
        (Mood.SPEECHLESS, "waiting for the Socket.IO CONNECT reply"),
    ],
)
def test_a_server_that_stops_answering_is_given_up_at_the_limit(mood: Mood, stage: str) -> None:
    @simulated()
    async def scene(world: World) -> None:
        peer = await open_server(world)
        peer.mood = mood
        ana = Phone(world)
        timeout = await expect_timeout(world, ana)
        assert stage in str(timeout)
        assert ana.diary == ["CONNECTING", "connect_error(ConnectTimeout)", "DISCONNECTED"]
        peer.mood = Mood.FRIENDLY
        await ana.connect()
        assert ana.socket.connected

    for seed in range(3):
        scene(seed)


@simulated()
async def test_a_black_hole_is_given_up_at_the_limit(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    world.outage("ana")
    timeout = await expect_timeout(world, ana)
    assert "waiting for the TCP connection" in str(timeout)
    assert ana.diary == ["CONNECTING", "connect_error(ConnectTimeout)", "DISCONNECTED"]


@simulated()
async def test_a_server_that_is_not_there_is_tried_until_the_limit(world: World) -> None:
    world.network.host("server")
    ana = Phone(world)
    timeout = await expect_timeout(world, ana)
    assert "ConnectionRefusedError" in str(timeout)
    assert ana.diary[:3] == ["CONNECTING", "connect_error(ConnectError)", "reconnect_attempt(1)"]
    assert 4 < ana.diary.count("connect_error(ConnectError)") < 40


@simulated()
async def test_a_name_that_nobody_knows(world: World) -> None:
    ana = Phone(world)
    assert "gaierror" in str(await expect_timeout(world, ana))


@pytest.mark.parametrize("mood", [Mood.DROPPING, Mood.SLAMMING, Mood.GARBLED, Mood.ENDING, Mood.BUSY])
def test_a_server_that_keeps_failing_is_tried_for_ever_without_harm(mood: Mood) -> None:
    @simulated()
    async def scene(world: World) -> None:
        peer = await open_server(world)
        ana = Phone(world, reconnection=ReconnectionStrategy(cap_s=5))
        peer.mood = mood
        await expect_timeout(world, ana)
        ana.diary.clear()
        await ana.connect(wait=False)
        await world.until(1200)
        assert ana.diary.count("connect_error(ConnectError)") > 150
        assert ana.socket.state is ConnectionState.CONNECTING
        peer.mood = Mood.FRIENDLY
        await world.until(1220)
        assert ana.states == ["CONNECTING", "CONNECTED"]

    scene(0)


@simulated()
async def test_the_server_comes_while_connect_waits(world: World) -> None:
    peer = await open_server(world)
    await peer.stop()
    ana = Phone(world)

    async def open_later() -> None:
        await world.until(8)
        await peer.start()

    world.spawn("server", open_later())
    await ana.connect()
    assert 8 < world.now_s < 20
    assert ana.states == ["CONNECTING", "CONNECTED"]


@pytest.mark.clause("RT-CON-8")
@simulated()
async def test_a_refusal_ends_connect_at_once(world: World) -> None:
    peer = await open_server(world)
    peer.mood, peer.refusal = Mood.REFUSING, {"message": "banned", "data": {"until": "tomorrow"}}
    ana = Phone(world)
    with pytest.raises(ConnectRefused, match="banned") as refused:
        await ana.connect()
    assert refused.value.data == {"until": "tomorrow"}
    assert ana.diary == ["CONNECTING", "connect_error(ConnectRefused)", "DISCONNECTED"]


@simulated()
async def test_a_temporary_refusal_is_waited_for(world: World) -> None:
    peer = await open_server(world)
    peer.mood, peer.refusal = Mood.REFUSING, {"message": "full", "data": {"retryAfterMs": 5000}}
    ana = Phone(world)
    world.at(3, setattr, peer, "mood", Mood.FRIENDLY)
    await ana.connect()
    assert ana.diary[:2] == ["CONNECTING", "connect_error(ConnectRefused)"]
    assert len(peer.knocks) == 2
    assert peer.knocks[1] - peer.knocks[0] >= 5


@pytest.mark.clause("RT-CON-9")
@simulated(seeds=5)
async def test_retry_after_of_an_overloaded_server_is_honoured(world: World) -> None:
    peer = await open_server(world)
    peer.mood, peer.retry_after = Mood.BUSY, "30"
    ana = Phone(world)
    await ana.connect(wait=False)
    await world.until(20)
    ana.socket.app_state.background()
    ana.socket.app_state.foreground()  # a finger on the screen does not change the server's mind
    await world.until(300)
    gaps = [after - before for before, after in zip(peer.knocks, peer.knocks[1:], strict=False)]
    assert len(gaps) >= 5
    assert all(gap >= 30 for gap in gaps)
    assert len({round(gap, 3) for gap in gaps}) > 1  # and clients do not come back together


@pytest.mark.clause("RT-CON-9")
@simulated()
async def test_an_absurd_retry_after_keeps_a_phone_away_for_five_minutes_and_its_backoff(world: World) -> None:
    peer = await open_server(world)
    peer.mood, peer.retry_after = Mood.BUSY, "86400"
    await Phone(world).connect(wait=False)
    await world.until(301)  # 300 s, and up to 0.5 s of jitter
    assert len(peer.knocks) == 2
    assert peer.knocks[1] - peer.knocks[0] >= 300


@simulated()
async def test_a_user_who_wants_it_now_does_not_wait_for_the_next_attempt(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    ana.socket.probe()
    assert ana.socket.state is ConnectionState.DISCONNECTED, "who said nothing of a connection gets none"
    await ana.connect()
    peer.mood = Mood.DROPPING
    world.reset("ana")
    await world.until(600)
    assert ana.socket.state is ConnectionState.RECONNECTING
    peer.mood = Mood.FRIENDLY
    ana.socket.probe()
    await world.until(601)  # six round trips and a little are 0.25 s; the pauses have long been 20 s and more
    assert ana.socket.connected


@simulated()
async def test_allowed_attempts_are_used_up(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world, reconnection=ReconnectionStrategy(max_reconnect_attempts=2, base_s=1))
    await ana.connect()
    await world.until(20)
    await peer.stop()
    await world.until(60)
    assert ana.diary[3:] == [
        "RECONNECTING",
        "disconnect(transport close)",
        "reconnect_attempt(1)",
        "connect_error(ConnectError)",
        "reconnect_attempt(2)",
        "connect_error(ConnectError)",
        "DISCONNECTED",
        "reconnect_failed(ConnectError)",
    ]
    assert str(ana.errors[-1]).startswith("gave up on http://server:8765 after 2 attempts; last failure: ")


@simulated()
async def test_disconnecting_while_connect_waits_ends_the_waiting(world: World) -> None:
    peer = await open_server(world)
    peer.mood = Mood.MUTE
    ana = Phone(world)
    waiting = world.spawn("ana", ana.socket.connect())
    await world.until(5)
    await ana.disconnect()
    with pytest.raises(ConnectionLost, match="io client disconnect"):
        await waiting
    assert ana.diary == ["CONNECTING", "DISCONNECTED"]
    assert world.now_s < 5.1


@simulated()
async def test_who_stops_waiting_stops_the_attempts(world: World) -> None:
    peer = await open_server(world)
    peer.mood = Mood.MUTE
    ana = Phone(world)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ana.connect(), 5)
    await world.until(60)
    assert ana.diary == ["CONNECTING", "DISCONNECTED"]


@simulated()
async def test_connecting_in_the_background_or_offline_waits_for_better_times(world: World) -> None:
    await open_server(world)
    app, net = AppState(), NetInfo()
    app.background()
    net.update(is_connected=False)
    ana = Phone(world, app_state=app, net_info=net)
    world.at(3).call(app.foreground)
    world.at(5, lambda: net.update(is_connected=True))
    await ana.connect()
    assert ana.diary == ["SUSPENDED", "CONNECTING", "reconnect_attempt(1)", "CONNECTED", "connect"]
    assert 5 < world.now_s < 5.2


@simulated()
async def test_disconnect_on_a_dead_network_is_bounded(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    await ana.connect()
    world.unplug("ana")
    for number in range(100):
        ana.socket.emit("say", number, "x" * 5000)
    started = world.now_s
    await ana.disconnect()
    assert world.now_s - started == pytest.approx(3, abs=0.01)
    await ana.disconnect()
    assert ana.diary[-2:] == ["DISCONNECTED", "disconnect(io client disconnect)"]


@simulated()
async def test_connect_twice_at_once(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await asyncio.gather(ana.connect(), ana.connect(), ana.connect(wait=False))
    assert len(peer.knocks) == 1
    assert ana.diary == ["CONNECTING", "CONNECTED", "connect"]


@pytest.mark.clause("RT-CON-5")
@simulated()
async def test_a_flapping_server_is_not_hammered(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def flap() -> None:
        seen = 0
        while True:
            await asyncio.sleep(0.2)
            if len(peer.callers) > seen:
                seen = len(peer.callers)
                peer.caller.ws.transport.abort()

    flapping = world.spawn("server", flap())
    await ana.connect(wait=False)
    await world.until(600)
    flapping.cancel()
    assert len(peer.knocks) < 100


@simulated()
async def test_connect_that_is_cancelled_as_it_connects_leaves_no_connection(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    connecting = world.spawn("ana", ana.socket.connect())
    ana.socket.on("connect", connecting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.sleep(1)
    assert ana.states == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert peer.caller.said_goodbye


async def cancelled_as_it_connects(ana: Phone, who_else: str) -> list[str]:
    """The states of a phone on which somebody else wants the connection too."""
    if who_else == "before":
        await ana.connect(wait=False)
    connecting = ana.world.spawn(ana.name, ana.socket.connect())
    other = ana.world.spawn(ana.name, ana.socket.connect()) if who_else == "with it" else None
    ana.socket.on("connect", connecting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await connecting
    if other is not None:
        await other
    await asyncio.sleep(1)
    return ana.states


@simulated()
async def test_connect_that_is_cancelled_as_it_connects_leaves_it_to_who_else_wants_it(world: World) -> None:
    await open_server(world)
    for name, who_else in {"ana": "before", "ben": "with it"}.items():
        assert await cancelled_as_it_connects(Phone(world, name), who_else) == ["CONNECTING", "CONNECTED"], who_else
