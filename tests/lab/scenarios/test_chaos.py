"""Everything that can happen to phones and their server happens, and no promise is broken."""

import functools
import json
import os
import random
import subprocess
import sys
import threading

import pytest

from realtime.lab.scenarios import chaos
from realtime.lab.sim_server import SimServer
from realtime.server.engine.base import Appended
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.fault_budget import VERBS
from realtime.sim.report import COUNTS
from realtime.sim.seed_run import Settings, run_seed
from realtime.sim.world import simulate
from tests.commands.running import ROOT

CHAOS = "realtime.lab.scenarios.chaos:main"
BROKEN = ("lost", "duplicated", "reordered", "phantom", "divergent", "stuck")

untraced = pytest.mark.untraced
"""Tracing makes chaos three times slower: two seeds are enough to see what code it reaches."""


@functools.cache
def ran(seed):
    """As in a campaign."""
    return run_seed(CHAOS, seed, Settings(is_shuffled=seed % 2 == 1))


@pytest.mark.clause("RT-DLV-2", "RT-DLV-3", "RT-DLV-4", "RT-DLV-5")
@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=untraced) for seed in range(2, 5))])
def test_whatever_happens_nothing_is_lost_repeated_or_out_of_order(seed):
    result = ran(seed)
    assert [str(violation) for violation in result.violations] == []
    assert [result.counts[key] for key in BROKEN] == [0] * len(BROKEN)
    assert list(result.counts) == list(COUNTS)


def test_a_run_is_not_vacuous():
    """Six phones, 120 s, a message in 6 s each: 120 messages, and about 3 receivers of each."""
    result = ran(1)
    assert 60 < result.counts["attempted"] < 180
    missing = result.counts["attempted"] - result.counts["acked"]
    assert missing < 0.1 * result.counts["attempted"], "only what the phone had not sent whose battery is empty"
    assert result.counts["delivered"] > result.counts["acked"]
    assert result.counts["faults"] > 4
    assert result.counts["reconnects"] > 4
    assert result.latencies["delivery"].count == result.counts["delivered"]
    assert sum(result.faults.values()) >= result.counts["faults"]
    assert result.counts["presence"] > 200
    assert result.counts["crossings"] > 10, "two cyclists and the server, for 190 s, fences some 100 m apart"
    assert result.counts["notifications"] > 50


@untraced
def test_the_seeds_fire_every_fault():
    """14 verbs of unequal weight, some ten in a run: those that 30 plans do not hold are not drawn at all."""
    verbs = set()
    for seed in range(30):
        verbs |= {fault.verb for fault in chaos.drawn_plan(random.Random(seed)).faults}
    assert verbs == set(VERBS)


@untraced
def test_the_server_stops_in_every_run_and_somebody_has_to_come_back():
    for seed in range(100):
        plan = chaos.drawn_plan(random.Random(seed))
        assert any(fault.verb in ("crash", "kill_app") and fault.args == ("server",) for fault in plan.faults)
        assert plan.healed_s <= chaos.CHAOS_S
        assert list(plan.faults) == sorted(plan.faults, key=lambda fault: fault.at_s)


@untraced
@pytest.mark.parametrize("seed", [0, 1])
def test_the_drawn_plan_given_back_is_the_same_run(seed):
    drawn = ran(seed)
    given = run_seed(CHAOS, seed, Settings(faults=drawn.plan, is_shuffled=seed % 2 == 1))
    assert (given.hash, given.timing_hash) == (drawn.hash, drawn.timing_hash)


@untraced
def test_without_a_fault_the_run_is_calm():
    """But for an empty battery in the end, and phones that are put away: four, then one of them, and one twice.

    The server may stop meanwhile.
    """
    result = run_seed(CHAOS, 1, Settings(faults="[]"))
    assert result.violations == ()
    assert result.counts["faults"] in (8, 9)
    assert result.counts["acked"] == result.counts["attempted"]


@untraced
def test_everybody_can_have_the_same_network():
    fast, slow = (run_seed(CHAOS, 2, Settings(profile=name, faults="[]")) for name in ("wifi", "edge"))
    assert fast.latencies["delivery"].p50_s < 2 * chaos.COMMIT_S[1] + 0.05, "after the commit under way, and over wifi"
    assert slow.latencies["delivery"].p50_s > 0.8, "840 ms of delay"


class ForgetfulEngine(MemoryEngine):
    """Acks every message, and forgets every fifth."""

    count = 0

    def append(self, draft, done):
        self.count += 1
        if self.count % 5 == 0:
            done(Appended(10_000 + self.count, draft.timestamp_ms))
        else:
            super().append(draft, done)


@untraced
def test_a_broken_part_is_caught():
    report = simulate(chaos.scenario(engine=lambda rng: ForgetfulEngine(rng=rng)), seed=1).result
    assert report.counts["lost"] > 0


@untraced
@pytest.mark.parametrize("on_disk", [True, False])
def test_all_of_it_can_be_in_memory(on_disk):
    used, started = {}, []

    class Told(SimServer):
        async def start(self):
            started.append(self.machine.process.number)
            await super().start()
            for host in ("server", "ben"):
                used[host] = self.world.disk(host).is_used

    report = simulate(chaos.scenario(server=Told, on_disk=on_disk), seed=3).result
    assert report.passed, str(report)
    assert used == {"server": on_disk, "ben": on_disk}
    assert started == sorted(set(started))
    assert len(started) > 1, "the server stops in every run, and is this one again"


# -- one seed, one run


def hashes_of(result):
    return [result.hash, result.timing_hash]


def hashes_now():
    return hashes_of(run_seed(CHAOS, 3, Settings(is_shuffled=True)))


def hashes():
    """Of the first run in this process."""
    return hashes_of(ran(3))


ELSEWHERE = """
import json
from realtime.sim.seed_run import Settings, run_seed
garbage = [object() for _ in range(12345)]
result = run_seed("realtime.lab.scenarios.chaos:main", 3, Settings(is_shuffled=True))
print(json.dumps([result.hash, result.timing_hash]))
"""


@untraced
@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_it_repeats_itself_in_another_process(hash_seed):
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin", "HTTP_PROXY": "http://nowhere:1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == hashes()


@untraced
def test_it_repeats_itself_in_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(hashes_now()))
    thread.start()
    thread.join()
    assert found == [hashes()]


@untraced
async def test_it_repeats_itself_inside_a_running_loop():
    assert hashes_now() == hashes()


@untraced
def test_it_repeats_itself_in_a_jupyter_kernel(monkeypatch):
    """Whose main thread runs a loop, and whose other threads do what they like."""
    import nbclient  # it takes seconds, in every worker that collects this
    import nbformat

    for name in [name for name in os.environ if name.startswith("COV")]:
        monkeypatch.delenv(name)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ELSEWHERE)])
    nbclient.NotebookClient(notebook, timeout=40, resources={"metadata": {"path": str(ROOT)}}).execute()
    [output] = notebook.cells[0].outputs
    assert json.loads(output.text) == hashes()


@untraced
def test_shuffled_is_another_run():
    assert hashes_of(run_seed(CHAOS, 3)) != hashes()
