"""`realtime campaign`: many seeds, a verdict, and the line that repeats the first failure."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from realtime.cli import main
from realtime.sim.report import COUNTS
from tests.commands.running import ROOT, run
from tests.processes import REALTIME

HERE = "tests.sim.campaign_scenarios"


def test_a_campaign_is_told_as_json(capsys):
    assert main(["campaign", f"{HERE}:counting", "--seeds", "1:4", "--jobs", "1", "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert list(told) == [
        *("scenario", "seeds", "violations", "counts", "first_failure"),
        *("faults", "latencies", "virtual_s", "wall_s"),
    ]
    assert (told["seeds"], told["violations"], told["first_failure"]) == (3, 0, None)
    assert list(told["counts"]) == list(COUNTS)
    assert told["counts"]["attempted"] == 10 + 20 + 30
    assert shown.err == "", "no progress bar beside JSON"


def test_a_violation_is_status_1_and_its_replay_line_is_told(capsys):
    assert main(["campaign", f"{HERE}:wrong_from_three", "--seeds", "0:9", "--jobs", "1", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["violations"]) == (4, 1)
    assert list(told["first_failure"]) == ["seed", "replay", "hash", "timing_hash", "violations", "shrunk"]
    assert told["first_failure"]["replay"] == f"realtime sim {HERE}:wrong_from_three --seed 3 --shuffle"
    assert told["first_failure"]["violations"][0]["kind"] == "lost"
    assert told["first_failure"]["shrunk"] is None


def test_people_read_a_short_table_and_a_line_to_paste(capsys):
    assert main(["campaign", f"{HERE}:wrong_from_three", "--seeds", "2:9", "--jobs", "1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{HERE}:wrong_from_three, seeds 2 to 3: 2 runs, ")
    assert "  attempted 50, acked 5, delivered 0" in lines
    assert "Seed 3 failed:" in lines
    assert "  1.000 s: lost: message 3 never came" in lines
    assert lines[-1] == f"Again: realtime sim {HERE}:wrong_from_three --seed 3 --shuffle"


def test_latencies_are_those_of_all_runs_together(capsys):
    """`late` takes as many seconds as its seed says, three times."""
    assert main(["campaign", f"{HERE}:late", "--seeds", "1:4", "--jobs", "1"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "p50" in line]
    assert line == "  delivery p50 2 s, p99 3 s, max 3 s, of the 9 in all runs together, to three digits"
    assert main(["campaign", f"{HERE}:late", "--seeds", "1:4", "--jobs", "1", "--json"]) == 0
    latency = json.loads(capsys.readouterr().out)["latencies"]["delivery"]
    assert list(latency) == ["count", "p50_s", "p99_s", "max_s"]
    assert (latency["count"], latency["max_s"]) == (9, 3.0)


def test_a_campaign_that_passes_says_so(capsys):
    assert main(["campaign", f"{HERE}:counting", "--seeds", "0:2", "--jobs", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1] == "No violation."
    assert "%" not in shown.err, "no progress bar where nobody watches"


def test_where_somebody_watches_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["campaign", f"{HERE}:counting", "--seeds", "0:3", "--jobs", "1"]) == 0
    shown = capsys.readouterr()
    assert "3/3" in shown.err
    assert "3/3" not in shown.out


def test_without_tqdm_there_is_none(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["campaign", f"{HERE}:counting", "--seeds", "0:3", "--jobs", "1"]) == 0
    assert capsys.readouterr().err == ""


def test_a_smaller_plan_that_still_fails_is_told(capsys):
    """And the line gives the same run in another process."""
    assert main(["campaign", f"{HERE}:shouting_over_outages", "--seeds", "0:20", "--jobs", "1", "--json"]) == 1
    failure = json.loads(capsys.readouterr().out)["first_failure"]
    assert failure["shrunk"]["faults"] == 1
    again = json.loads(run(failure["shrunk"]["replay"] + " --json", status=1))
    assert again["hash"] == failure["shrunk"]["hash"]
    whole = json.loads(run(failure["replay"] + " --json", status=1))
    assert (whole["hash"], whole["timing_hash"]) == (failure["hash"], failure["timing_hash"])


@pytest.mark.parametrize("seeds", ["5", "a:b", "3:3", "4:2", "-1:3", "1:2:3", ""])
def test_seeds_are_a_range(seeds, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["campaign", "echo", f"--seeds={seeds}"])
    assert ended.value.code == 2
    assert re.search("--seeds: .*0:500", capsys.readouterr().err)


def test_no_jobs_is_wrong_use(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["campaign", "echo", "--seeds", "0:2", "--jobs", "0"])
    assert ended.value.code == 2


def test_wrong_use_is_one_line(capsys):
    assert main(["campaign", f"{HERE}:qiet", "--seeds", "0:2"]) == 2
    assert "its async functions are" in capsys.readouterr().err


def test_two_processes_print_nothing_but_json():
    told = json.loads(run(f"realtime campaign {HERE}:talkative --seeds 0:4 --jobs 2 --json"))
    assert told["seeds"] == 4


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_who_ends_a_campaign_ends_its_processes(end, status):
    """All its processes have its stderr: that ends with the last of them. A seed that runs is not waited for."""
    command = [REALTIME, "campaign", f"{HERE}:endless", "--seeds", "0:9", "--jobs", "2"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as campaign:
        try:
            assert [campaign.stderr.readline() for _ in range(2)] == ["running\n"] * 2
            campaign.send_signal(end)
            campaign.communicate(timeout=60)
            assert campaign.returncode == status
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(campaign.pid, signal.SIGKILL)


DEAF = """
import signal, sys, threading
from realtime.cli import main

def end():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

if __name__ == "__main__":
    threading.Thread(target=end, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_it_is_ended_whichever_of_its_threads_gets_the_signal():
    """The system may choose any of them; only the main one is woken by it."""
    command = [sys.executable, "-c", DEAF, "campaign", f"{HERE}:endless", "--seeds", "0:9", "--jobs", "2"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as campaign:
        try:
            assert [campaign.stderr.readline() for _ in range(2)] == ["running\n"] * 2
            campaign.communicate("now\n", timeout=30)
            assert campaign.returncode == 130
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(campaign.pid, signal.SIGKILL)
