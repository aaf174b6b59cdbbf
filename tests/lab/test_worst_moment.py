"""The server's machine crashes at every moment of a message's way: it is there once, whatever the sender knew."""

import functools

import pytest

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.sim.world import simulate

SENT_S = 20


async def crash_after(world, delay_s):
    """What stood at the crash; then what both phones show, and how often the receiver was told."""
    server = world.machine("server", lambda machine: SimServer(world, machine))
    ana, ben = (
        world.machine(name, lambda machine: SimPhone(world, machine, user_id=machine.name, on_disk=True), profile="lte")
        for name in ("ana", "ben")
    )
    told, stood = [], []
    await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=10)
    ben.app.chat.on("message", lambda message: told.append(message.text))
    await world.until(SENT_S)
    with world.on("ana"):
        ana.app.send("lobby", "once")

    def crash():
        is_acked = not ana.app.chat.room("lobby").snapshot.unsent
        stood.append((server.app.server.stats.messages_logged == 1, is_acked))
        world.crash("server", for_s=3)

    world.at(SENT_S + delay_s, crash)
    await world.until(SENT_S + 100)  # 45 s of heartbeat, TCP's retries, and the backoff
    return stood[0], [machine.app.chat.room("lobby").snapshot.texts for machine in (ana, ben)], told


@pytest.mark.clause("RT-DLV-3")
def test_a_crash_at_any_moment_neither_loses_nor_doubles_a_message():
    """LTE: 65 ms up, 50 ms down. Before 65 ms nothing is stored, after 115 ms all is acknowledged."""
    seen = set()
    for delay_ms in (10, 60, 66, 70, 90, 110, 120, 160):
        stood, shown, told = simulate(functools.partial(crash_after, delay_s=delay_ms / 1000), seed=delay_ms).result
        assert (shown, told) == ([("once",)] * 2, ["once"]), delay_ms
        seen.add(stood)
    assert seen == {(False, False), (True, False), (True, True)}
