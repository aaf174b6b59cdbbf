"""The table of kills; the storm itself, a short one, is tests/live/test_kill9.py."""

import pytest

from realtime.sim.report import COUNTS, Violation
from tests.benchmarks import kill9
from tests.live.verdict import Verdict


def verdict(*violations):
    counts = dict.fromkeys(COUNTS, 0) | {"attempted": 120, "acked": 100, "again": 3}
    recovered_s = {"server": [0.1, 0.3, 0.2], "ana-phone": [0.5]}
    return Verdict({"server": 3, "ana-phone": 2}, counts, violations, recovered_s)


def test_the_table_has_the_seed_the_kills_and_how_long_it_took_to_come_back():
    rows = {line.split("  ")[0]: line.split()[1:] for line in kill9.table(7, verdict()).splitlines()}
    assert rows["seed"] == ["7"]
    assert rows["kills"][0] == "5"
    assert rows["acked"] == ["100"]
    assert rows["lost"] == ["0"]
    words = kill9.table(7, verdict())
    assert "median 0.20 s, p99 0.30 s" in words, "of 0.1, 0.2 and 0.3 s, by nearest rank"
    assert "median 0.50 s, p99 0.50 s" in words


def test_a_broken_promise_is_printed_and_fails(monkeypatch, capsys, tmp_path):
    async def run(plan):
        assert (plan.seed, plan.kills, plan.folder) == (9, 2, tmp_path)
        return verdict(Violation("lost", "'ana 1' never reached ben", 4.0))

    monkeypatch.setattr(kill9, "run", run)
    with pytest.raises(SystemExit) as ended:
        kill9.main(["--kills", "2", "--seed", "9", "--folder", str(tmp_path)])
    assert ended.value.code == 1
    assert "4.000 s: lost: 'ana 1' never reached ben" in capsys.readouterr().out
