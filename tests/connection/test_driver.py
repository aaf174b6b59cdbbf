"""The order of things: handlers that change the course, timers, contexts, connections that are no longer meant."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from realtime.connection.app_state import AppState
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.sim.world import World
from tests.connection.peer import Mood
from tests.connection.stage import Phone, open_server, simulated

CONNECTING = ["CONNECTING", "CONNECTED", "connect"]


@simulated()
async def test_what_a_handler_causes_comes_after_what_was_decided_before(world: World) -> None:
    peer = await open_server(world)
    app = AppState()
    ana = Phone(world, app_state=app)
    ana.socket.once("disconnect", lambda reason: app.background())
    await ana.connect()
    await peer.stop()
    await world.until(60)
    assert ana.diary == [
        *CONNECTING,
        "RECONNECTING",
        "disconnect(transport close)",
        "reconnect_attempt(1)",
        "SUSPENDED",
    ]
    assert len(peer.knocks) == 1


@simulated()
async def test_a_handler_may_connect_again_where_the_client_would_not(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def insist(reason: str) -> None:
        await ana.socket.connect()

    ana.socket.once("disconnect", insist)
    await ana.connect()
    await peer.caller.say("41")
    await world.until(10)
    assert ana.states == ["CONNECTING", "CONNECTED", "DISCONNECTED", "CONNECTING", "CONNECTED"]
    ana.socket.app_state.background()  # still minded
    await world.until(20)
    assert ana.states[-1] == "SUSPENDED"


@simulated()
async def test_a_handler_may_disconnect(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    heard: list[int] = []
    ana.socket.on("stop", ana.socket.disconnect)
    ana.socket.on("news", heard.append)
    await ana.connect()
    await peer.emit("stop")
    await world.until(5)
    await peer.emit("news", 1)
    await world.until(10)
    assert ana.states == ["CONNECTING", "CONNECTED", "DISCONNECTED"]
    assert heard == []


@simulated()
async def test_nothing_of_an_old_connection_reaches_a_new_one(world: World) -> None:
    """The heartbeat, the pings and the data of a connection end with it, however late they come."""
    peer = await open_server(world, ping_interval_s=5, ping_timeout_s=5)
    ana = Phone(world, heartbeat=HeartbeatMonitor(probe_timeout_s=8))
    heard: list[str] = []
    ana.socket.on("news", heard.append)
    await ana.connect()
    old = peer.caller
    await world.until(7)
    world.set_conditions("ana", delay_ms=900)
    ana.socket.probe()
    await old.emit("news", "old")
    ana.socket.net_info.update(is_connected=False)
    ana.socket.net_info.update(is_connected=True)
    await world.until(120)
    assert heard == []
    assert ana.states == ["CONNECTING", "CONNECTED", "SUSPENDED", "RECONNECTING", "CONNECTED"]
    assert len(peer.callers) == 2


@simulated()
async def test_an_attempt_that_is_no_longer_meant_leaves_nothing_behind(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    for mood in (Mood.SILENT, Mood.MUTE, Mood.SPEECHLESS, Mood.FRIENDLY):
        peer.mood = mood
        await ana.connect(wait=False)
        await asyncio.sleep(1)
        await ana.disconnect()
    await asyncio.sleep(100)
    assert not [task for task in asyncio.all_tasks() if "Connection" in repr(task.get_coro())]


VISITOR: ContextVar[str] = ContextVar("visitor", default="nobody")


@simulated()
async def test_connections_belong_to_the_context_that_asked_for_them_whoever_causes_them(world: World) -> None:
    await open_server(world)
    seen: list[str] = []
    ana = Phone(world, auth=lambda: seen.append(VISITOR.get()))
    VISITOR.set("ana")
    await ana.connect()
    VISITOR.set("somebody else")
    ana.socket.app_state.background()
    ana.socket.app_state.foreground()
    await world.until(10)
    world.reset("ana")
    await world.until(40)
    assert seen == ["ana"] * 3


@simulated()
async def test_an_idle_connection_wakes_only_for_its_heartbeat(world: World) -> None:
    await open_server(world)
    ana = Phone(world)
    await ana.connect()
    await world.until(3600)
    sent = ana.socket.connection_state.snapshot.bytes_sent
    assert sent == len("40") + 143 * len("3")


@simulated()
async def test_what_is_added_to_the_auth_is_made_anew_for_each_connection(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world, auth={"userId": "ana", "kept": "mine"})
    counted = iter(range(9))
    ana.socket.add_to_auth("kept", lambda: "theirs")
    ana.socket.add_to_auth("nothing", lambda: None)
    remove = ana.socket.add_to_auth("count", lambda: next(counted))
    seen = []
    for act in (lambda: None, lambda: None, remove):
        act()
        await ana.connect()
        auth = peer.callers[-1].auth
        seen.append({key: value for key, value in auth.items() if key not in ("pid", "offset")})
        await ana.disconnect()
    own = {"userId": "ana", "kept": "mine"}
    assert seen == [own | {"count": 0}, own | {"count": 1}, own]
