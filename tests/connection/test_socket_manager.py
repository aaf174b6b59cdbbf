"""A phone and its server over a network that fails: the whole sequence of what the phone announces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.connection.app_state import AppState, AppStateValue, BackgroundPolicy
from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import (
    ConnectError,
    ConnectionLost,
    ConnectTimeout,
)
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.socket_manager import SocketManager
from realtime.protocol.errors import LocalProtocolError
from realtime.sim.world import World
from tests.connection.peer import Mood
from tests.connection.stage import AGAIN, BACK, CONNECTING, RTT_S, Phone, lost, open_server, simulated


@simulated()
async def test_it_connects_and_says_goodbye(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    # one round trip for each: TCP, WebSocket, Socket.IO; the Engine.IO handshake comes with the second
    assert world.now_s == pytest.approx(3 * RTT_S, abs=0.01)
    assert ana.socket.connected
    await ana.connect()
    await ana.disconnect()
    await ana.disconnect()
    assert ana.diary == [*CONNECTING, "DISCONNECTED", "disconnect(io client disconnect)"]
    assert peer.caller.said_goodbye
    assert peer.paths == ["/socket.io/?EIO=4&transport=websocket"]
    await asyncio.sleep(300)
    assert ana.diary[-1] == "disconnect(io client disconnect)"


@simulated()
async def test_async_with_connects_and_disconnects(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def visit() -> None:
        async with ana.socket as socket:
            assert socket is ana.socket
            assert socket.loop is asyncio.get_running_loop()
            await socket.emit("hello")

    assert ana.socket.loop is None
    await world.spawn("ana", visit())
    assert ana.states == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert peer.events == [["hello"]]


@simulated()
async def test_async_with_that_is_cancelled_as_it_connects_leaves_no_connection(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def visit() -> None:
        async with ana.socket:
            raise AssertionError("cancelled before")

    visiting = world.spawn("ana", visit())
    ana.socket.on("connect", visiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await visiting
    assert ana.states == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert peer.caller.said_goodbye


@pytest.mark.clause("RT-CON-5")
@simulated()
async def test_it_reconnects_at_once_after_a_reset(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    await ana.connect()
    world.at(30).reset("ana")
    await world.until(40)
    assert ana.diary == [*CONNECTING, *lost("transport error"), *AGAIN]
    assert ana.last("connect") == pytest.approx(30 + 3 * RTT_S, abs=0.01)


@pytest.mark.clause("RT-CON-1")
@simulated(seeds=5)
async def test_a_phone_that_lost_its_network_reconnects_by_itself_when_it_is_back(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    world.at(20).outage("ana", for_s=600)
    await world.until(700)
    assert ana.diary[: len(CONNECTING) + 3] == [*CONNECTING, *lost("ping timeout")]
    assert ana.states == ["CONNECTING", "CONNECTED", "RECONNECTING", "CONNECTED"]
    assert all(isinstance(error, ConnectTimeout) for error in ana.errors)
    # the attempt under way repeats its SYN after 1, 2, 4, 8 s; the one after it begins within the cap of 20 s
    assert 620 < ana.last("connect") < 620 + 20 + 20
    assert len(peer.callers) == 2


@simulated()
async def test_a_server_that_is_gone_for_ten_minutes_is_found_again(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    await world.until(10)
    await peer.stop()
    await world.until(610)
    assert all("ConnectionRefusedError" in str(error) for error in ana.errors)
    with world.on("server"):
        await peer.start()
    await world.until(640)
    assert ana.states == ["CONNECTING", "CONNECTED", "RECONNECTING", "CONNECTED"]
    assert ana.diary[3:5] == ["RECONNECTING", "disconnect(transport close)"]


@pytest.mark.clause("RT-CON-4")
@simulated(seeds=5)
async def test_backoff_grows_stays_under_the_cap_and_is_jittered_at_the_cap(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world, reconnection=ReconnectionStrategy(base_s=1, cap_s=16))
    await ana.connect()
    await peer.crash()
    await world.until(3600)
    ceilings = [0, 1, 2, 4, 8] + [16] * len(ana.delays)
    assert all(0 <= delay <= ceiling for delay, ceiling in zip(ana.delays, ceilings, strict=False))
    capped = ana.delays[5:]
    assert len(capped) > 300
    assert len(set(capped)) == len(capped)
    assert 7 < sum(capped) / len(capped) < 9
    assert max(capped) > 15.5


@pytest.mark.clause("RT-CON-2")
@simulated()
async def test_background_tells_the_server_and_disconnects_and_foreground_returns_without_backoff(world: World) -> None:
    peer = await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app)
    await ana.connect()
    world.at(60).call(app.background)
    await world.until(1000)
    assert peer.events == [["app:state", {"state": "background"}]]
    assert peer.caller.close_code == 1000
    assert ana.socket.state is ConnectionState.SUSPENDED
    world.at(1000).call(app.foreground)
    await world.until(1010)
    assert ana.diary == [*CONNECTING, "SUSPENDED", "disconnect(app background)", *BACK]
    assert ana.delays == [0]
    assert ana.last("connect") == pytest.approx(1000 + 3 * RTT_S, abs=0.01)
    assert peer.events == [["app:state", {"state": "background"}]]  # a fresh session is active without saying so


@simulated()
async def test_a_recovered_session_hears_that_the_app_is_active_again(world: World) -> None:
    peer = await open_server(world)
    peer.pid = "p"
    app = AppState()
    ana = Phone(world, app_state=app)
    heard: list[Any] = []
    ana.socket.on("news", lambda *args: heard.append(args))
    await ana.connect()
    assert not ana.socket.recovered
    await peer.emit("news", "first", "offset-1")
    await world.until(60)
    app.background()
    peer.missed = ['42["news","second","offset-2"]']
    await world.until(90)
    app.foreground()
    await world.until(100)
    assert ana.socket.recovered
    assert peer.caller.auth == {"pid": "p", "offset": "offset-1"}
    assert heard == [("first", "offset-1"), ("second", "offset-2")]
    assert [event[1]["state"] for event in peer.events] == ["background", "active"]


@simulated()
async def test_a_session_that_was_ended_on_purpose_is_not_recovered(world: World) -> None:
    peer = await open_server(world)
    peer.pid = "p"
    ana = Phone(world)
    await ana.connect()
    await ana.disconnect()
    await ana.connect()
    assert peer.caller.auth is None
    await peer.caller.say("41")
    await world.until(10)
    await ana.connect()
    assert peer.caller.auth is None
    assert not ana.socket.recovered


@simulated()
async def test_the_background_ends_attempts_too(world: World) -> None:
    peer = await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app)
    await ana.connect()
    await peer.stop()
    await world.until(30)
    app.background()
    knocks = len(ana.errors)
    await world.until(3600)
    assert len(ana.errors) == knocks
    assert ana.states[-1] == "SUSPENDED"


@simulated()
async def test_kept_for_a_while_a_glance_at_another_app_costs_no_reconnect(world: World) -> None:
    peer = await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app, background=BackgroundPolicy.keep_for(30))
    await ana.connect()
    world.at(10).call(app.background)
    world.at(35).call(app.foreground)
    world.at(50).call(app.background)
    await world.until(79)
    assert ana.diary == CONNECTING
    await world.until(90)
    assert ana.diary == [*CONNECTING, "SUSPENDED", "disconnect(app background)"]
    assert ana.at("SUSPENDED") == 80
    assert [event[1]["state"] for event in peer.events] == ["background", "active", "background"]


@simulated()
async def test_kept_in_the_background_it_reconnects_and_says_where_the_app_is(world: World) -> None:
    peer = await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app, background=BackgroundPolicy.KEEP)
    await ana.connect()
    app.background()
    world.at(10).reset("ana")
    await world.until(20)
    assert ana.diary == [*CONNECTING, *lost("transport error"), *AGAIN]
    assert [caller.events for caller in peer.callers] == [[["app:state", {"state": "background"}]]] * 2


@pytest.mark.clause("RT-CON-3")
@simulated(seeds=5)
async def test_a_half_open_connection_is_found_within_the_heartbeats_bound(world: World) -> None:
    await open_server(world, ping_interval_s=25, ping_timeout_s=20)
    ana = Phone(world)
    await ana.connect()
    world.at(60).unplug("ana")
    world.at(150).replug("ana")
    await world.until(200)
    assert ana.diary[3:6] == lost("ping timeout")
    assert 60 + 20 <= ana.at("disconnect(ping timeout)") <= 60 + 45
    assert ana.states[-1] == "CONNECTED"


@pytest.mark.clause("RT-CON-3")
@simulated(seeds=5)
async def test_a_half_open_connection_is_found_within_seconds_in_the_foreground(world: World) -> None:
    await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app, background=BackgroundPolicy.KEEP)
    await ana.connect()
    world.at(60).call(app.background)
    world.at(62).unplug("ana")
    world.at(64).replug("ana")
    world.at(70).call(app.foreground)
    await world.until(80)
    assert ana.diary == [*CONNECTING, *lost("ping timeout"), *AGAIN]
    assert ana.at("disconnect(ping timeout)") == 73
    assert ana.last("connect") < 73.2


@pytest.mark.clause("RT-CON-3", "RT-CON-6")
@simulated()
async def test_a_change_of_network_unmasks_a_dead_connection_and_leaves_a_living_one(world: World) -> None:
    await open_server(world)
    net = NetInfo(NetType.WIFI)
    ana = Phone(world, net_info=net)
    await ana.connect()
    await world.until(30)
    net.update(type="cellular")
    await world.until(40)
    assert ana.diary == CONNECTING
    world.unplug("ana")
    world.replug("ana")
    net.update(type="wifi")
    await world.until(50)
    assert ana.diary == [*CONNECTING, *lost("ping timeout"), *AGAIN]
    assert ana.at("disconnect(ping timeout)") == 43


@simulated()
async def test_a_probe_on_demand(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    ana.socket.probe()  # not connected: nothing to probe
    await ana.connect()
    world.unplug("ana")
    await world.until(10)
    ana.socket.probe()
    await world.until(13)
    assert ana.diary[3:5] == ["RECONNECTING", "disconnect(ping timeout)"]


@pytest.mark.clause("RT-CON-7")
@simulated()
async def test_a_device_that_knows_it_is_offline_does_not_try(world: World) -> None:
    peer = await open_server(world)
    net = NetInfo(NetType.WIFI)
    ana = Phone(world, net_info=net)
    await ana.connect()
    await world.until(10)
    net.update(is_connected=False)
    await world.until(500)
    net.update(type="wifi")
    await world.until(510)
    assert ana.diary == [*CONNECTING, "SUSPENDED", "disconnect(network offline)", *BACK]
    assert ana.last("connect") == pytest.approx(500 + 3 * RTT_S, abs=0.01)
    assert len(peer.knocks) == 2


@simulated()
async def test_bad_packets_end_the_connection_and_a_new_one_is_made(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    await world.until(20)
    await peer.caller.say("42{not json")
    await world.until(30)
    assert ana.diary == [*CONNECTING, *lost("parse error"), *AGAIN]


@pytest.mark.clause("RT-CON-8")
@simulated()
async def test_a_server_that_ends_the_session_is_not_called_again(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    await peer.caller.say("41")
    await world.until(600)
    assert ana.diary == [*CONNECTING, "DISCONNECTED", "disconnect(io server disconnect)"]
    ana.socket.app_state.background()  # nobody minds any more
    ana.socket.app_state.foreground()
    await ana.connect()
    assert ana.states[-2:] == ["CONNECTING", "CONNECTED"]


@pytest.mark.parametrize("url", ["ftp://x", "http://x/ns"])
def test_an_address_that_cannot_be_dialled_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        SocketManager(url)


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    with pytest.raises(LocalProtocolError):
        SocketManager("http://x", namespace="chat")
    with pytest.raises(LocalProtocolError):
        SocketManager("http://x", auth={"pid": "mine"})
    with pytest.raises(ValueError, match="connection_timeout_s"):
        SocketManager("http://x", connection_timeout_s=0)
    assert repr(SocketManager("http://x")) == "<SocketManager 'http://x' DISCONNECTED unacked=0>"


@simulated()
async def test_the_round_trip_is_measured_at_connect_with_every_heartbeat_and_on_demand(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    with pytest.raises(ConnectionLost):
        await ana.socket.measure_rtt()
    await ana.connect()
    await world.until(1)
    assert ana.socket.connection_state.snapshot.rtt_s == pytest.approx(RTT_S)
    world.set_conditions("ana", delay_ms=100)
    await world.until(27)
    assert ana.socket.connection_state.snapshot.rtt_s == pytest.approx(0.2)
    world.set_conditions("ana", delay_ms=50)
    assert await ana.socket.measure_rtt() == pytest.approx(0.1)


@simulated()
async def test_the_snapshot_shows_what_people_want_to_know(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world, reconnection=ReconnectionStrategy(base_s=10, jitter="none"))
    seen = []
    ana.socket.connection_state.observe(seen.append)
    ana.socket.emit("say", 1)
    await asyncio.sleep(0)
    assert seen[-1].queued == 1
    await ana.connect()
    await world.until(5)
    ana.socket.emit("say", 2, ack=True)
    await asyncio.sleep(0)
    now = ana.socket.connection_state.snapshot
    assert (now.state, now.queued, now.unacked, now.reason) == (ConnectionState.CONNECTED, 0, 1, None)
    assert now.since_s == ana.at("CONNECTED")
    assert now.bytes_sent == len('4042["say",1]422["say",2]')
    await world.until(6)
    await peer.stop()
    await world.until(10)
    now = ana.socket.connection_state.snapshot
    assert (now.state, now.reason, now.attempt) == (ConnectionState.RECONNECTING, "transport close", 2)
    assert now.next_delay_s == 10
    assert now.next_attempt_at_s == pytest.approx(16.1)
    assert now.rtt_s is None
    assert now.bytes_sent >= len('4042["say",1]422["say",2]')
    assert now.bytes_received > 100
    await ana.disconnect()
    assert seen[-1].state is ConnectionState.DISCONNECTED


@simulated()
async def test_two_connections_share_one_device(world: World) -> None:
    await open_server(world)
    app, net = AppState(AppStateValue.INACTIVE), NetInfo()
    phones = [Phone(world, name, app_state=app, net_info=net) for name in ("ana", "ben")]
    for phone in phones:
        await phone.connect()
    app.background()
    await world.until(10)
    assert [phone.states[-1] for phone in phones] == ["SUSPENDED", "SUSPENDED"]
    await phones[0].disconnect()
    app.foreground()
    await world.until(20)
    assert [phone.states[-1] for phone in phones] == ["DISCONNECTED", "CONNECTED"]


@simulated()
async def test_auth_is_made_anew_for_each_attempt(world: World) -> None:
    peer = await open_server(world)
    tokens = iter(range(10))

    async def fetch() -> dict[str, int]:
        await asyncio.sleep(0.5)
        return {"token": next(tokens)}

    ana = Phone(world, auth=fetch)
    await ana.connect()
    world.reset("ana")
    await world.until(10)
    assert [caller.auth for caller in peer.callers] == [{"token": 0}, {"token": 1}]


@simulated()
async def test_auth_that_hangs_or_fails_is_a_failed_attempt(world: World) -> None:
    await open_server(world)
    attempts: list[float] = []

    def token() -> Any:
        attempts.append(world.now_s)
        if len(attempts) == 1:
            return asyncio.sleep(3600)
        if len(attempts) == 2:
            raise RuntimeError("no token")
        return None

    ana = Phone(world, auth=token, connection_timeout_s=5)
    await ana.connect(wait=False)
    await world.until(60)
    assert ana.socket.connected
    assert [str(error) for error in ana.errors] == [
        "http://server:8765 did not answer within 5 s: making the auth",
        "http://server:8765: RuntimeError: no token",
    ]


@simulated()
async def test_another_namespace(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world, namespace="/chat", reconnection=False)
    peer.mood = Mood.SPEECHLESS
    waiting = world.spawn("ana", ana.socket.connect())
    await world.until(1)
    await peer.caller.say('40/chat,{"sid":"x"}')
    await waiting
    await peer.caller.say('42/chat,["news"]')
    await world.until(2)
    assert ana.socket.connected


@simulated()
async def test_one_attempt_without_reconnection(world: World) -> None:
    peer = await open_server(world)
    await peer.stop()
    ana = Phone(world, reconnection=False)
    with pytest.raises(ConnectError, match="ConnectionRefusedError"):
        await ana.connect()
    assert ana.diary == ["CONNECTING", "connect_error(ConnectError)", "DISCONNECTED"]
    with world.on("server"):
        await peer.start()
    await ana.connect()
    await peer.stop()
    await world.until(60)
    assert ana.diary[3:] == [*CONNECTING, "DISCONNECTED", "disconnect(transport close)"]
