"""What the users of chaos do: they write, type, read, and leave rooms for a while."""

import random

from realtime.lab.scenarios.habits import Habits
from realtime.lab.scenarios.truth import Person
from realtime.lab.scenarios.variety import Variety
from realtime.sim.world import simulate
from tests.lab.sim_town import Town

ROOMS = ("lobby", "kitchen")


def lived(seed=0, until_s=120.0, act=lambda world: None, look=lambda app: None):
    """Ana lives, ben watches; what ``look(ben's app)`` says once a second, and the town."""

    async def main(world):
        town = Town(world)
        machines = {name: await town.phone(name, rooms=ROOMS) for name in ("ana", "ben")}
        seen = []
        for name, machine in machines.items():
            if name == "ana":
                variety = Variety.drawn(random.Random(seed), ["ana"])
                Habits(world, Person(name, name, ROOMS), machine, variety).begin(until_s)
        act(world)
        while world.now_s < until_s + 60:
            await world.until(world.now_s + 1)
            seen.append(look(machines["ben"].app))
        return town, seen, machines["ana"]

    return simulate(main, seed=seed).result


def test_messages_go_to_all_rooms_and_end_in_time():
    town, _, _ = lived()
    attempts = town.records("Attempt")
    assert {attempt.room for attempt in attempts} == set(ROOMS)
    assert 8 < len(attempts) < 40, "one in 6 s"
    assert max(attempt.t_s for attempt in attempts) < 120


def test_who_writes_types_before():
    _, seen, _ = lived(look=lambda app: app.chat.room("lobby").snapshot.typing)
    assert ("ana",) in seen
    assert seen[-1] == ()


def test_rooms_are_left_and_entered_again():
    def members(app):
        return app.chat.room("lobby").snapshot.members, app.chat.room("kitchen").snapshot.members

    _, seen, ana = lived(seed=1, until_s=240.0, look=members)
    assert {len(lobby) for lobby, _ in seen} | {len(kitchen) for _, kitchen in seen} == {1, 2}
    assert [len(each) for each in seen[-1]] == [2, 2]
    assert ana.app.is_settled


def test_what_is_written_is_read():
    _, seen, _ = lived(look=lambda app: dict(app.chat.room("lobby").snapshot.markers))
    assert seen[-1]["ana"].received > 0


def test_a_dead_phone_does_nothing_and_goes_on_when_it_is_back():
    def act(world):
        world.at(30).kill_app("ana", for_s=60)

    town, _, _ = lived(act=act)
    times = [attempt.t_s for attempt in town.records("Attempt")]
    assert not [t_s for t_s in times if 30 < t_s < 90]
    assert [t_s for t_s in times if t_s > 90]


def test_messages_are_edited_deleted_and_reacted_to():
    def look(app):
        return [
            (message.edited_ms is not None, message.is_deleted, bool(message.reactions))
            for room_id in ROOMS
            for message in app.chat.room(room_id).snapshot.messages
        ]

    _, seen, _ = lived(until_s=240.0, look=look)
    edited, deleted, reacted = (sum(column) for column in zip(*seen[-1], strict=True))
    assert edited > 0
    assert deleted > 0
    assert reacted > 0
    assert deleted < len(seen[-1]) / 2
