"""While some sleep, the others write: it is noted what the sleepers' lock screens owe them, and it comes."""

from realtime.lab.scenarios import nap
from realtime.lab.scenarios.nap import Nap
from realtime.lab.scenarios.truth import Person
from realtime.lab.sim_tray import SimTray
from realtime.sim.notice_checkers import not_notified
from tests.lab.sim_town import play

NAMES = ("ana", "ben", "cleo")


def slept(before=lambda world: None):
    async def script(town):
        people = [Person(name, name, ("lobby",)) for name in NAMES]
        trays = {name: SimTray(town.world, town.gateway, name, history=town.history) for name in NAMES}
        machines = {name: await town.phone(name, tray=trays[name]) for name in NAMES}
        before(town.world)
        rng = town.world.rng("nap")
        await Nap(town.world, people, machines, town.server, town.history).pass_by(rng)
        assert all(machine.is_running and not machine.is_in_background for machine in machines.values())
        await town.world.until(town.world.now_s + 30)
        return town.history, town.records("Owed"), town.records("Notified"), town.records("Attempt")

    return play(script)


def test_the_sleepers_are_told_by_push_of_what_is_said_in_the_room_and_of_news():
    history, owed, notified, [said] = slept()
    sleepers = sorted({*NAMES} - {said.sender})
    assert sorted((record.device, record.name) for record in owed) == sorted(
        (name, what) for name in sleepers for what in (f"good night, {name}", said.message_id)
    )
    assert not_notified(history) == []
    assert {record.way for record in notified} == {"push"}
    latest = max(record.t_s for record in notified) - owed[0].t_s
    assert latest < nap.PUSHED_S


def test_who_cannot_be_pushed_is_owed_nothing():
    _, owed, _, _ = slept(lambda world: world.unplug("ben"))
    assert "ben" not in {record.device for record in owed}


def test_a_push_that_is_lost_is_found(monkeypatch):
    monkeypatch.setattr(SimTray, "_sent", lambda self, payload: None)
    history, owed, _, _ = slept()
    assert len(not_notified(history)) == len(owed) == 4
