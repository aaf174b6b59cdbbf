"""`realtime sim`: one run, for a person or a program."""

import json
import re

import pytest

from realtime.cli import main
from realtime.sim.report import COUNTS
from tests.commands.running import run

HERE = "tests.sim.campaign_scenarios"


def test_a_run_is_told_as_json(capsys):
    assert main(["sim", f"{HERE}:counting", "--seed", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == [
        *("scenario", "seed", "hash", "timing_hash", "virtual_s", "wall_s", "counts", "violations"),
        *("faults", "latencies", "replay"),
    ]
    assert (told["scenario"], told["seed"], told["virtual_s"]) == (f"{HERE}:counting", 2, 3.0)
    assert list(told["counts"]) == list(COUNTS)
    assert told["counts"]["attempted"] == 20
    assert told["violations"] == []
    assert told["replay"] == f"realtime sim {HERE}:counting --seed 2"


def test_a_violation_is_status_1(capsys):
    assert main(["sim", f"{HERE}:wrong_from_three", "--seed", "3", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["violations"] == [{"kind": "lost", "text": "message 3 never came", "t_s": 1.0}]
    assert told["counts"]["lost"] == 1


def test_a_raise_is_status_1_with_its_traceback(capsys):
    assert main(["sim", f"{HERE}:raising", "--seed", "3"]) == 1
    shown = capsys.readouterr()
    assert "2.500 s: raised: ValueError: that was not foreseen" in shown.out
    assert "in raising" in shown.err


def test_a_raise_has_its_traceback_beside_the_json(capsys):
    assert main(["sim", f"{HERE}:raising", "--json"]) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["violations"][0]["kind"] == "raised"
    assert "in raising" in shown.err


def test_people_read_a_few_lines(capsys):
    assert main(["sim", f"{HERE}:counting", "--seed", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{HERE}:counting, seed 2: 3.0 s in 0.")
    assert "  attempted 20, acked 2, delivered 0" in lines
    assert lines[-1] == f"Again: realtime sim {HERE}:counting --seed 2"
    assert any(line.startswith("Hash ") for line in lines)


def test_what_a_plain_scenario_returns_is_shown(capsys):
    assert main(["sim", f"{HERE}:quiet"]) == 0
    assert "  returned 'whatever'" in capsys.readouterr().out.splitlines()


def test_what_a_scenario_prints_is_no_json(capsys):
    assert main(["sim", f"{HERE}:talkative", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["seed"] == 0
    assert shown.err == "hello from the scenario\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nothing"], "there is no scenario 'nothing'"),
        ([f"{HERE}:quiet", "--faults", "[]"], "applies no fault plan"),
        ([f"{HERE}:with_settings", "--profile", "let"], "--profile: .*'let'"),
        ([f"{HERE}:with_settings", "--trace", "nowhere.csv"], "--trace: .*nowhere.csv"),
        ([f"{HERE}:with_settings", "--faults", "[{]"], "--faults: "),
        ([f"{HERE}:with_settings", "--faults", "@nowhere.json"], "--faults: .*nowhere.json"),
    ],
)
def test_wrong_use_is_status_2_and_one_line(options, words, capsys):
    assert main(["sim", *options]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert re.search(words, shown.err)


def test_profile_and_trace_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sim", "echo", "--profile", "lte", "--trace", "x.csv"])
    assert ended.value.code == 2


def test_the_line_that_it_prints_gives_the_same_hash_in_a_fresh_process(capsys):
    main(["sim", f"{HERE}:chattering", "--seed", "5", "--shuffle", "--json"])
    here = json.loads(capsys.readouterr().out)
    there = json.loads(run(here["replay"] + " --json"))
    assert there["hash"] == here["hash"]
    assert there["timing_hash"] == here["timing_hash"]
