"""What the users of chaos show of themselves: statuses, positions; and what they do about notifications."""

from itertools import pairwise

from realtime.lab.scenarios.chaos import FENCES, HOME
from realtime.lab.scenarios.manners import Manners, notify
from realtime.lab.scenarios.truth import Person
from realtime.lab.sim_tray import SimTray
from realtime.location.sources import SimulatedWalk
from realtime.sim.world import simulate
from tests.lab.sim_town import Town


def lived(look, until_s=240.0, seed=0):
    """Ana lives, ben watches; what ``look(town, ana's machine, ben's app)`` says once a second."""

    async def main(world):
        town = Town(world)
        tray = SimTray(world, town.gateway, "ana", history=town.history)
        walk = SimulatedWalk(HOME, rng=world.rng("walk"), interval_s=5.0)
        ana = await town.phone("ana", tray=tray, shares=(walk, "lobby"), follows=("ben",), fences=FENCES)
        ben = await town.phone("ben", tracks_presence=True, follows=("ana",))
        Manners(world, Person("ana", "ana", ("lobby",), "lobby"), ana).begin(until_s)
        world.spawn("main", notify(world, town.server, ["ana"], until_s))
        world.at(60).background("ana", for_s=30)
        world.at(120).kill_app("ana", for_s=10)
        seen = []
        while world.now_s < until_s + 60:
            await world.until(world.now_s + 1)
            seen.append(look(town, ana, ben.app))
        return town, seen

    return simulate(main, seed=seed).result


def test_statuses_are_chosen_with_words_and_seen():
    def look(town, ana, ben):
        status = ben.status.users.snapshot.get("ana")
        return status and (status.status, status.text)

    _, seen = lived(look)
    assert {status for status, _ in filter(None, seen)} >= {"online", "busy", "offline"}
    assert {text for _, text in filter(None, seen)} > {None}


def test_sharing_ends_and_begins_again():
    _, seen = lived(lambda town, ana, ben: "ana" in ben.location.room("lobby").snapshot.fixes)
    changes = sum(now is not before for before, now in pairwise(seen))
    assert changes > 3


def test_the_server_tells_news_which_are_shown_by_both_ways_and_seen_to():
    def look(town, ana, ben):
        return ana.app.push.badge if ana.is_running else None

    town, seen = lived(look)
    notified = town.records("Notified")
    assert 15 < len(notified) < 60, "one in 8 s, for 240 s"
    assert {record.way for record in notified} == {"app", "push"}
    badges = [badge for badge in seen if badge is not None]
    assert any(later < earlier for earlier, later in pairwise(badges)), "some are seen to"


def test_all_ends_in_time():
    town, seen = lived(lambda town, ana, ben: ana.is_running and ana.app.status.chosen, until_s=60.0)
    assert len(set(seen[70:110])) == 1
    assert max(record.t_s for record in town.records("Notified")) < 70
