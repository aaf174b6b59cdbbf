"""What verbs do when their time has come: they are counted and told, they compose, and they leave nothing behind."""

import asyncio
import random

import pytest

from realtime.network.binding import Binding
from realtime.network.link import MS, LinkConditions
from realtime.sim.fault_plan import FaultBudget, FaultPlan
from realtime.sim.world import simulate


class App:
    """An app that takes everything that an app can be told, and keeps it."""

    def __init__(self, machine):
        self.told = []

    def background(self):
        self.told.append("background")

    def foreground(self):
        self.told.append("foreground")

    def network_changed(self, kind):
        self.told.append(kind)


def test_faults_are_told_before_they_happen_and_are_counted():
    async def main(world):
        told = []
        machine = world.machine("ana", App)
        world.set_profile("server", None)
        world.on_fault = lambda verb, args: told.append((world.now_s, verb, args, machine.is_running))
        world.at(1).outage("ana", for_s=2)
        world.at(2).crash("ana")
        world.at(3).restart("ana")
        world.at(4).partition("ana", "server")
        world.at(5).repair("ana", "server")
        world.at(6).set_conditions("ana", loss=0.1)
        world.at(7).set_conditions("ana", loss=0.2, for_s=1)
        world.at(8).change_network("ana")
        await world.until(9)
        return told, world.faults_fired

    told, fired = simulate(main).result
    assert [(t, verb, is_running) for t, verb, _, is_running in told] == [
        (1.0, "outage", True),
        (2.0, "crash", True),
        (4.0, "partition", True),
        (7.0, "set_conditions", True),
        (8.0, "change_network", True),
    ]
    assert [args[0] for _, _, args, _ in told] == ["ana"] * 5
    assert told[2][2] == ("ana", "server")
    assert fired == {"outage": 1, "crash": 1, "partition": 1, "set_conditions": 1, "change_network": 1}


# -- each fault lasts until its own end


def down(world, host="ana"):
    return world.uplink(host).down is not None, world.downlink(host).down is not None


def test_silences_of_several_kinds_are_each_ended_by_their_own():
    async def main(world):
        states = []
        world.machine("ana", App)
        world.at(1).outage("ana", for_s=4)
        world.at(2).unplug("ana", for_s=4)
        world.at(3).crash("ana", for_s=4)
        for t in (0, 1.5, 5.5, 6.5, 7.5):
            await world.until(t)
            states.append(down(world))
        return states

    assert simulate(main).result == [(False, False), (True, True), (True, True), (True, True), (False, False)]


def test_partitions_of_a_pair_end_one_by_one():
    async def main(world):
        states = []
        world.at(1).partition("ana", "server", for_s=4)
        world.at(2).partition_oneway("ana", "server", for_s=4)
        world.at(3).partition_oneway("server", "ana", for_s=1)
        world.at(10).partition("server", "ana")
        world.at(11).partition_oneway("ana", "server", for_s=100)
        world.at(12).repair("ana", "server")
        for t in (0, 1.5, 4.5, 5.5, 6.5, 11.5, 12.5):
            await world.until(t)
            states.append("".join("x" if world.link(*way).down else "." for way in WAYS))
        return states

    assert simulate(main).result == ["..", "xx", "xx", "x.", "..", "xx", ".."]


WAYS = ("ana", "server"), ("server", "ana")


def test_holds_of_a_host_and_of_a_pair_are_apart():
    async def main(world):
        states = []
        world.at(1).hold("ana", for_s=4)
        world.at(2).hold("ana", "server", for_s=2)
        world.at(3).hold("server", "ana", for_s=3)
        world.at(10).hold("ana")
        world.at(11).release("ana", "server")
        world.at(12).release("ana")
        for t in (0, 1.5, 4.5, 5.5, 6.5, 11.5, 12.5):
            await world.until(t)
            held = [world.uplink("ana"), world.downlink("ana"), *(world.link(*way) for way in WAYS)]
            states.append("".join("x" if link.is_held else "." for link in held))
        return states

    assert simulate(main).result == ["....", "xx..", "xxxx", "..xx", "....", "xx..", "...."]


def test_a_machine_starts_again_when_the_last_reason_to_be_down_is_over():
    async def main(world):
        states = []
        machine = world.machine("ana", App)
        world.at(1).crash("ana", for_s=5)
        world.at(2).kill_app("ana", for_s=10)
        world.at(20).crash("ana", for_s=5)
        world.at(22).restart("ana")
        world.at(24).kill_app("ana")
        world.at(28).restart("ana")
        for t in (0, 1.5, 6.5, 12.5, 21, 23, 25.5, 29):
            await world.until(t)
            states.append((machine.is_running, machine.process.number))
        return states

    assert simulate(main).result == [
        (True, 1),
        (False, 1),
        (False, 1),
        (True, 2),
        (False, 2),
        (True, 3),
        (False, 3),
        (True, 4),
    ]


def test_backgrounds_overlap():
    async def main(world):
        machine = world.machine("ana", App)
        world.at(1).background("ana", for_s=4)
        world.at(2).background("ana", for_s=1)
        states = []
        for t in (0, 3.5, 5.5):
            await world.until(t)
            states.append(machine.is_in_background)
        world.background("ana", for_s=60)
        world.foreground("ana")
        await world.until(100)
        return states, machine.app.told

    assert simulate(main).result == ([False, True, False], ["background", "foreground"] * 2)


# -- networks for a time


def network(world, host="ana"):
    access = world.network.host(host).access
    name = None if access.profile is None else access.profile.name
    return name, access.up.conditions, access.down.conditions


def test_a_change_for_a_time_is_undone_at_the_end_of_the_last():
    async def main(world):
        names = []
        world.set_profile("ana", "lte")
        world.at(1).set_profile("ana", "edge", for_s=10)
        world.at(2).set_conditions("ana", loss=0.5, for_s=3)
        world.at(6).set_profile("ana", "2g", for_s=20)
        for t in (0, 1.5, 2.5, 5.5, 7, 12, 27):
            await world.until(t)
            name, _, down = network(world)
            names.append((name, down.loss))
        return names

    assert simulate(main).result == [
        ("lte", 0),
        ("edge", 0),
        (None, 0.5),
        (None, 0.5),
        ("2g", 0),
        ("2g", 0),
        ("lte", 0),
    ], "the newest rules; after the last of them everything is as before the first"


def test_what_was_set_by_hand_comes_back_as_well():
    async def main(world):
        world.set_profile("ana", "lte")
        world.set_conditions("ana", loss=0.25)
        world.set_conditions("ana", up=LinkConditions(delay_ns=7))
        before = network(world)
        world.at(1).change_network("ana", "2g", for_s=2)
        await world.until(2)
        between = network(world)
        await world.until(4)
        return before == network(world), between[0]

    assert simulate(main).result == (True, "2g")


def test_a_change_for_good_is_not_undone():
    async def main(world):
        world.set_profile("ana", "lte")
        world.at(1).set_profile("ana", "edge", for_s=10)
        world.at(2).set_profile("ana", "2g")
        world.at(3).set_conditions("ana", delay_ms=7)
        await world.until(60)
        return network(world)[1].delay_ns

    assert simulate(main).result == 7 * MS


def test_a_phone_comes_back_with_a_new_address_and_the_app_is_told():
    """Whether what was connected before a change still is after it."""

    async def main(world):
        machine = world.machine("ana", App, profile="lte")
        alive = []
        world.at(1).change_network("ana", "wifi", for_s=10)
        world.at(20).set_profile("ana", "edge", for_s=10)
        world.at(40).change_network("ana")
        for t in (2, 12, 21, 31, 41):
            flow = Binding(world.network.host("ana").access, world.loop.now_ns)
            await world.until(t)
            alive.append(flow.passes(world.loop.now_ns))
        return machine.app.told, alive

    assert simulate(main).result == (["wifi", "cellular", "cellular"], [False, False, True, True, False])


# -- everything heals


HOSTS = ["ana", "ben"]


def state(world):
    """All of the world that a fault can change, but the addresses."""
    hosts = [*HOSTS, "server"]
    links = [*(world.uplink(host) for host in hosts), *(world.downlink(host) for host in hosts)]
    links += [world.link(a, b) for a in hosts for b in hosts if a != b]
    machines = [world.machines[host] for host in hosts]
    return (
        [network(world, host) for host in hosts],
        [(link.down, link.is_held) for link in links],
        [(machine.is_running, machine.is_in_background) for machine in machines],
    )


async def storm(world):
    for host in HOSTS:
        world.machine(host, App, profile="lte")
    world.machine("server", App, profile="wifi")
    before = state(world)
    plan = FaultPlan.draw(
        world.rng("faults"),
        hosts=HOSTS,
        servers=["server"],
        duration_s=300,
        budget=FaultBudget(per_minute=20, at_once=8, unhealthy_share=1.0),
    )
    plan.apply(world)
    seen = set()
    for _ in range(300):
        await asyncio.sleep(1)
        seen.add(state(world) == before)
    assert plan.healed_s <= 300
    return seen, state(world) == before, sum(world.faults_fired.values()) == len(plan.faults)


@pytest.mark.untraced
@pytest.mark.clause("RT-SIM-4")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_overlaps_everything_heals(seed):
    """A hundred faults in five minutes, up to eight at a time."""
    seen, is_as_before, all_fired = simulate(storm, seed=seed).result
    assert False in seen
    assert is_as_before
    assert all_fired


def test_it_matters_that_faults_are_counted_apart():
    """The storms do overlap in kind: without that they would prove nothing."""
    plans = [
        FaultPlan.draw(
            random.Random(seed),
            hosts=HOSTS,
            servers=["server"],
            duration_s=300,
            budget=FaultBudget(per_minute=20, at_once=8, unhealthy_share=1.0),
        )
        for seed in range(2)
    ]
    overlaps = [
        (one.verb, other.verb)
        for plan in plans
        for one in plan.faults
        for other in plan.faults
        if one is not other and one.args == other.args and one.at_s <= other.at_s <= one.at_s + (one.for_s or 0)
    ]
    same = [one for one, other in overlaps if one == other]
    assert {"outage", "unplug", "background"} <= set(same)
    assert len(set(overlaps)) > 20
