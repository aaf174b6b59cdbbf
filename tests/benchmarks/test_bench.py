"""The benchmark runs, counts every delivery, and judges; how fast the machine is does not matter here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.cpu import cpu_seconds
from tests.benchmarks.report import Result, table, verdicts
from tests.interop.node_packages import NodeMissing, installed_node

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]
TINY = ["--rounds", "1", "--receivers", "5", "--messages", "10", "--acked", "100", "--warm-up", "0.2"]
TINY += ["--minutes", "0.1", "--clients", "2", "--durable", "20", "--present", "50"]

linux_only = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="run on Linux: it reads /proc")


@linux_only
@pytest.mark.node
@pytest.mark.timeout(300)
def test_a_tiny_run_measures_everything(tmp_path):
    try:
        installed_node()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    file = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.benchmarks", *TINY, "--json", str(file)]
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    shown = subprocess.run(command, cwd=ROOT, env=unmeasured, capture_output=True, text=True, timeout=280)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    told = json.loads(file.read_text())
    assert {(row["subject"], row["scenario"]) for row in told["results"]} == {
        (subject, scenario) for subject in ("ours", "node", "floor") for scenario in ("fan-out", "acked")
    }
    assert all(row["median_us"] > 0 and len(row["samples_us"]) == 1 for row in told["results"])
    assert {row["subject"] for row in told["durable"]} == {"sqlite", "jetstream-sync", "jetstream", "memory", "node"}
    assert [row["kind"] for row in told["simulation"]] == ["sockets", "phones"]
    for word in (
        "acked/s",
        "per delivery",
        "per acked message",
        "× Node",
        "× floor",
        "verdict:",
        "client-hours/s",
        "presence: 10 %",
        "presence on real sockets",
        "fixes/s",
        "by layer",
    ):
        assert word in shown.stdout


def results(ours_fan_out, ours_acked):
    return [
        Result("ours", "fan-out", [ours_fan_out, 2 * ours_fan_out, 1.0]),
        Result("node", "fan-out", [5.0, 10.0, 5.0]),
        Result("floor", "fan-out", [2.5, 5.0, 2.5]),
        Result("ours", "acked", [ours_acked] * 3),
        Result("node", "acked", [10.0] * 3),
        Result("floor", "acked", [8.0] * 3),
    ]


def test_the_verdict_is_on_the_median_of_what_each_round_says():
    """A busy machine slows all servers of a round, so within a round they can be compared."""
    assert verdicts(results(5.0, 10.0)) == [
        (True, "verdict: fan-out, ours at most 1.0 × Node: yes (1.00)"),
        (True, "verdict: acked, ours at most 1.0 × Node: yes (1.00)"),
    ]
    assert verdicts(results(4.0, 12.5)) == [
        (True, "verdict: fan-out, ours at most 1.0 × Node: yes (0.80)"),
        (False, "verdict: acked, ours at most 1.0 × Node: no (1.25)"),
    ]


def test_the_table_shows_medians_spread_and_ratios():
    shown = table(results(4.0, 12.5)).splitlines()
    assert any(line.split() == ["ours", "4.00", "1.00–8.00", "0.80", "1.60"] for line in shown), shown
    assert any(line.split() == ["ours", "12.50", "12.50–12.50", "1.25", "1.56"] for line in shown), shown


@linux_only
def test_the_kernel_accounts_for_every_thread():
    program = "import threading; t = threading.Thread(target=lambda: sum(range(3_000_000))); t.start(); t.join()"
    program += "\nprint('done', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "done\n"
        assert 0.01 < cpu_seconds(child.pid) < 10
        child.communicate("\n")
