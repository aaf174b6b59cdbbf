"""Who can be reached, as the world knows it."""

from realtime.connection.app_state import BackgroundPolicy
from realtime.lab.scenarios.truth import Person, Truth
from realtime.location.sources import SimulatedWalk
from tests.lab.sim_town import play

LOBBY = ("lobby",)


def watched(people, *acts):
    """What is noted about a subject when this is done to the world, one act in two seconds."""

    async def script(town):
        machines = {person.device: await town.phone(person.device, user_id=person.user_id) for person in people}
        truth = Truth(town.world, "server", machines, people, town.history)
        truth.watch()
        for act in acts:
            await town.world.until(town.world.now_s + 2)
            act(town.world)
        await town.world.until(town.world.now_s + 2)
        return [(record.subject, record.is_reachable) for record in town.records("Reachable")]

    return play(script)


def of(subject, records):
    return [is_reachable for name, is_reachable in records if name == subject]


def test_an_outage_a_partition_and_a_hold_are_silence():
    records = watched(
        [Person("ana", "ana", LOBBY)],
        lambda world: world.outage("ana", for_s=0.5),
        lambda world: world.partition_oneway("ana", "server"),
        lambda world: world.repair("ana", "server"),
        lambda world: world.hold("ana", "server"),
        lambda world: world.release("ana", "server"),
        lambda world: world.outage("server"),
    )
    assert of("ana", records) == [True, False] * 4
    assert of("ana in lobby", records) == [True, False] * 4


def test_an_app_in_the_background_or_dead_is_silent():
    records = watched(
        [Person("ana", "ana", LOBBY)],
        lambda world: world.background("ana"),
        lambda world: world.foreground("ana"),
        lambda world: world.kill_app("ana"),
        lambda world: world.restart("ana"),
        lambda world: world.crash("server"),
    )
    assert of("ana", records) == [True, False, True, False, True, False]


def test_a_user_can_be_reached_on_any_device():
    records = watched(
        [Person("phone", "ana", LOBBY), Person("tablet", "ana", LOBBY)],
        lambda world: world.outage("phone"),
        lambda world: world.outage("tablet"),
        lambda world: world.restore("tablet"),
    )
    assert of("phone", records) == [True, False]
    assert of("tablet", records) == [True, False, True]
    assert of("ana in lobby", records) == [True, False, True]


def test_an_app_that_keeps_its_connection_in_the_background_can_be_reached():
    async def script(town):
        people = [Person("ana", "ana", LOBBY), Person("ben", "ben", LOBBY)]
        policies = {"ana": BackgroundPolicy.KEEP, "ben": BackgroundPolicy.keep_for(5)}
        machines = {name: await town.phone(name, background=policy) for name, policy in policies.items()}
        truth = Truth(town.world, "server", machines, people, town.history)
        truth.watch()
        town.world.background("ana")
        town.world.background("ben")
        await town.world.until(town.world.now_s + 10)
        town.world.foreground("ben")
        await town.world.until(town.world.now_s + 2)
        return [(record.subject, record.is_reachable) for record in town.records("Reachable")]

    records = play(script)
    assert of("ana", records) == [True]
    assert of("ben", records) == [True, False, True]


def test_who_has_left_a_room_is_not_in_it():
    async def script(town):
        machines = {"ana": await town.phone("ana", rooms=("lobby", "kitchen"))}
        truth = Truth(town.world, "server", machines, [Person("ana", "ana", ("lobby", "kitchen"))], town.history)
        truth.look()
        truth.watch()
        with town.world.on("ana"):
            await machines["ana"].app.chat.leave("kitchen")
        await town.world.until(town.world.now_s + 2)
        return [(record.subject, record.is_reachable) for record in town.records("Reachable")]

    records = play(script)
    assert of("ana in lobby", records) == of("ana", records) == [True]
    assert of("ana in kitchen", records) == [True, False]


def test_who_is_invisible_is_not_there_for_others_and_who_shares_is_on_the_map():
    async def script(town):
        walk = SimulatedWalk((59.9, 10.7), rng=town.world.rng("walk"), interval_s=1.0)
        machines = {"ana": await town.phone("ana", shares=(walk, "lobby"), background=BackgroundPolicy.KEEP)}
        truth = Truth(town.world, "server", machines, [Person("ana", "ana", LOBBY, "lobby")], town.history)
        truth.watch()
        acts = [
            lambda app: app.status.set_status("invisible"),
            lambda app: app.status.set_status("busy"),
            lambda app: app.background(),
            lambda app: app.foreground(),
            lambda app: app.stop_sharing(),
        ]
        for act in acts:
            await town.world.until(town.world.now_s + 2)
            with town.world.on("ana"):
                act(machines["ana"].app)
        town.world.kill_app("ana")
        await town.world.until(town.world.now_s + 2)
        return [(record.subject, record.is_reachable) for record in town.records("Reachable")]

    records = play(script)
    for subject in ("ana in lobby", "member ana of lobby", "status of ana"):
        assert of(subject, records) == [True, False, True, False], subject
    assert of("marker of ana in lobby", records) == [True, False], "in the background it stays where it was"
