"""While some sleep, the others write: it is noted what the sleepers' lock screens owe them, and it comes."""

import pytest

from realtime.lab.scenarios import nap
from realtime.lab.scenarios.nap import Nap
from realtime.lab.scenarios.truth import Person
from realtime.lab.sim_tray import SimTray
from realtime.server.engine.base import NotApplied
from realtime.server.push.push_plan import PushPlan
from realtime.server.push.push_service import PushService
from realtime.sim.notice_checkers import not_notified, not_withdrawn
from tests.lab.sim_town import play

NAMES = ("ana", "ben", "cleo")


def slept(before=lambda world: None, names=NAMES, tablets=(), seed=0, append=None):
    async def script(town):
        town.engine.append = append or town.engine.append
        users = {name: name for name in names} | {f"{name}'s tablet": name for name in tablets}
        people = [Person(device, user_id, ("lobby",)) for device, user_id in users.items()]
        trays = {name: SimTray(town.world, town.gateway, name, history=town.history) for name in users}
        machines = {name: await town.phone(name, user_id=user_id, tray=trays[name]) for name, user_id in users.items()}
        before(town.world)
        rng = town.world.rng("nap")
        await Nap(town.world, people, machines, town.server, town.history).pass_by(rng)
        assert all(machine.is_running and not machine.is_in_background for machine in machines.values())
        await town.world.until(town.world.now_s + 30)
        return town.history, town.records("Owed"), town.records("Notified"), town.records("Attempt")

    return play(script, seed=seed)


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


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_on_one_device_leaves_the_other_one_also_if_the_server_stops_meanwhile(seed):
    """Ben and cleo sleep, and so does ana at both of her devices; dora writes."""
    history, owed, _, _ = slept(names=("ana", "ben", "cleo", "dora"), tablets=("ana",), seed=seed)
    over = [record for record in history.records if type(record).__name__ == "Over"]
    assert {record.device for record in owed} > {"ana", "ana's tablet"}
    assert {record.device for record in over} == {"ana's tablet"}
    assert not_notified(history) == not_withdrawn(history) == []


def test_what_is_not_withdrawn_is_found(monkeypatch):
    monkeypatch.setattr(PushService, "_withdraw", lambda *args, **options: None)
    history, _, _, _ = slept(names=("ana", "ben", "cleo", "dora"), tablets=("ana",))
    assert len(not_withdrawn(history)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_before_its_push_is_due_is_shown_on_no_lock_screen(seed):
    history, _, notified, said = slept(names=("ana", "ben", "cleo", "dora"), tablets=("ana",), seed=seed)
    [at_once] = [attempt.message_id for attempt in said if "read at once" in attempt.content]
    assert [record.name for record in history.records if type(record).__name__ == "Over"][-1] == at_once
    pushed = {(record.device, name) for record in notified if record.way == "push" for name in record.names}
    assert not pushed & {("ana", at_once), ("ana's tablet", at_once)}
    assert not_withdrawn(history) == []


def test_a_push_for_what_was_read_meanwhile_is_found(monkeypatch):
    monkeypatch.setattr(PushPlan, "read", lambda *args: None)
    history, _, _, said = slept(names=("ana", "ben", "cleo", "dora"), tablets=("ana",))
    [*_, violation] = not_withdrawn(history)
    assert said[-1].message_id in violation.text


def test_what_the_server_refuses_was_not_said():
    _, owed, _, _ = slept(append=lambda draft, done: done(NotApplied("forbidden", "not this one")))
    assert sorted(record.name for record in owed) == sorted(f"good night, {record.device}" for record in owed)
