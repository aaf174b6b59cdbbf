"""The recorder in the simulated world: the same frames as in a live lab, the same in every run."""

import pandas as pd
import pytest

import realtime.lab
from realtime.lab.record_tables import COLUMNS
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_recorder import SimRecorder
from realtime.lab.sim_server import SimServer
from realtime.location.fix import Fix
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate

TABLES = (
    "to_frame",
    "messages",
    "deliveries",
    "delivery_report",
    "states",
    "positions",
    "presence",
    "notifications",
    "link_samples",
    "links",
    "radio",
)


class Here:
    """A source of one fix."""

    async def __aiter__(self):
        yield Fix(latitude=59.9, longitude=10.7, accuracy_m=5.0, timestamp_ms=1_700_000_000_000)


def machine(world, recorder, name, **options):
    """A phone on a machine of its own, recorded whenever it starts."""

    def make(machine):
        phone = SimPhone(world, machine, user_id=name, **options)
        if recorder is not None:
            recorder.watch_phone(phone)
        return phone

    return world.machine(name, make, profile="lte")


async def tunnel(world, *, recorded=True):
    """Ana writes before, in and after a tunnel of 20 s; ben listens."""
    recorder = SimRecorder(world, every_s=0.5) if recorded else None
    if recorder is not None:
        world.on_fault = recorder.fired
    engine = MemoryEngine(rng=world.rng("engine"))
    server = world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
    ana = machine(world, recorder, "ana", shares=(Here(), "lobby"))
    ben = machine(world, recorder, "ben", tracks_presence=True)
    await world.until(5)
    with world.on("ana"):
        ana.app.send("lobby", "before")
    with world.on("server"):
        server.app.server.notify("ben", id="n1", title="Line 12", body="A tree lies on the track.")
    world.at(10).outage("ana", for_s=20)
    await world.until(11)
    with world.on("ana"):
        ana.app.send("lobby", "in the tunnel")
    await world.until(60)
    await world.eventually(
        lambda: ana.app.is_settled and len(ben.app.chat.room("lobby").snapshot.texts) == 2, within_s=100
    )
    return recorder


@pytest.fixture(scope="module")
def run():
    return simulate(tunnel, seed=1, max_virtual_s=300)


def rows(frame):
    return frame.to_dict("records")


def test_messages_have_their_times(run):
    first, second = rows(run.result.messages())
    assert (first["phone"], first["text"], first["status"], first["sent_s"]) == ("ana", "before", "sent", 5.0)
    assert 0.07 < first["latency_s"] < 2, "LTE: a round trip of 0.07 s, if the radio is awake"
    assert first["acked_s"] == pytest.approx(first["sent_s"] + first["latency_s"])
    assert (second["text"], second["sent_s"]) == ("in the tunnel", 11.0)
    assert second["acked_s"] > 30, "when the tunnel is over"
    assert second["sent_at"] - first["sent_at"] == pd.Timedelta(6, "s"), "the world's own wall clock"


def test_deliveries_are_the_receivers(run):
    frame = run.result.deliveries()
    assert list(frame.phone) == ["ben", "ben"]
    assert (frame.latency_s == frame.t_s - frame.sent_s).all()
    assert list(run.result.delivery_report().missing) == [0, 0]


def test_states_positions_and_what_happened(run):
    states = run.result.states()
    assert list(states[states.phone == "ben"].state) == ["connecting", "connected"]
    positions = run.result.positions()
    assert list(zip(positions.phone, positions.user, strict=True)) == [("ana", "ana"), ("ben", "ana")]
    timeline = run.result.to_frame()
    assert {"connect", "send", "message", "message_delivered"} <= set(timeline.event)
    assert timeline.t_s.is_monotonic_increasing


def test_faults_stand_in_the_timeline(run):
    timeline = run.result.to_frame().query("event == 'outage'")
    assert list(zip(timeline.t_s, timeline.phone, timeline.detail, strict=True)) == [(10.0, "ana", "")]


def test_links_are_sampled_twice_a_second_in_virtual_time(run):
    links = run.result.links()
    ana = links[links.phone == "ana"].set_index("t_s")
    assert list(ana.index[:4]) == [0.0, 0.5, 1.0, 1.5]
    assert len(ana) == pytest.approx(2 * run.virtual_s, abs=2)
    assert not ana.loc[:9.5].is_down.any()
    assert ana.loc[10.5:29.5].is_down.all()
    assert not ana.loc[30.5:].is_down.any()
    assert ana.radio_on_s.is_monotonic_increasing
    samples = run.result.link_samples()
    assert (samples[(samples.phone == "ana") & samples.t_s.between(11.5, 29.5)].unacked >= 1).any()


def test_the_radio_is_what_the_link_said_last(run):
    radio = run.result.radio().set_index("phone")
    last = run.result.links().groupby("phone").last()
    assert list(radio.index) == ["ana", "ben"]
    assert (radio.radio_on_s == last.radio_on_s).all()
    assert (radio.radio_on_s > 0).all()


def test_it_is_the_same_in_every_run(run):
    again = simulate(tunnel, seed=1, max_virtual_s=300)
    for table in TABLES:
        pd.testing.assert_frame_equal(getattr(again.result, table)(), getattr(run.result, table)())


def test_it_changes_nothing_in_the_run(run):
    async def unrecorded(world):
        await tunnel(world, recorded=False)

    assert simulate(unrecorded, seed=1, max_virtual_s=300).hash == run.hash


def test_a_restarted_phone_goes_on_in_the_same_tables():
    async def script(world):
        recorder = SimRecorder(world, every_s=1.0)
        engine = MemoryEngine(rng=world.rng("engine"))
        world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
        ana = machine(world, recorder, "ana")
        await world.until(3.5)
        world.crash("ana")
        world.restart("ana")
        await world.until(7.5)
        assert ana.app.is_settled
        return recorder

    recorder = simulate(script, max_virtual_s=60).result
    assert list(recorder.states().state) == ["connecting", "connected"] * 2
    assert list(recorder.links().t_s) == [float(n) for n in range(8)], "sampled once at a time"
    assert recorder.radio().shape == (1, 3)


@pytest.mark.parametrize("every_s", [0, -1.0])
def test_a_sample_needs_an_interval(every_s):
    async def script(world):
        with pytest.raises(ValueError, match="every_s must be above zero"):
            SimRecorder(world, every_s=every_s)

    simulate(script)


def test_live_and_simulated_frames_are_alike(run):
    with realtime.lab.start(seed=1) as lab:
        ana, ben = lab.phone("ana"), lab.phone("ben")
        ana.chat.send("lobby", "hello").wait(10)
        ana.location.start("lobby", Here())
        lab.notify("ana", "Line 12", "A tree lies on the track.")
        lab.wait_until(lambda: all(len(getattr(lab, table)()) for table in TABLES))
        for table in TABLES:
            live, simulated = getattr(lab, table)(), getattr(run.result, table)()
            assert live.dtypes.equals(simulated.dtypes), table
            assert len(live), table
            assert len(simulated), table
    assert len(TABLES) == len(COLUMNS)
    assert ben.name == "ben"
