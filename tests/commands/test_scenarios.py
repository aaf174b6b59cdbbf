"""Scenarios on the command line: built-in ones by a word, others by their reference, mistakes in one line."""

import pytest

from realtime.commands.errors import CommandError
from realtime.commands.scenarios import BUILT_IN, resolve
from realtime.sim.scenario import load_scenario


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_built_in_scenario_goes_by_its_name(name):
    scenario = resolve(name)
    assert scenario.name == name
    assert load_scenario(scenario.reference).__module__ == f"realtime.lab.scenarios.{name}"
    assert BUILT_IN[name].title


def test_there_are_three_at_least():
    assert {"echo", "commute", "chaos"} <= set(BUILT_IN)


def test_a_file_goes_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("async def main(world): pass\nasync def other(world): pass")
    assert resolve("mine.py").reference == "mine.py"
    assert resolve("mine.py:other").reference == "mine.py:other"


def test_a_module_goes_by_its_name():
    assert resolve("tests.sim.campaign_scenarios:quiet").reference == "tests.sim.campaign_scenarios:quiet"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chaso", "there is no scenario 'chaso'; did you mean 'chaos'\\? Built in are chaos, commute, echo"),
        ("frobnicate", "there is no scenario 'frobnicate'. Built in are"),
        ("nowhere.py", "there is no file nowhere.py"),
        ("tests.sim.campaign_scenarios:qiet", "its async functions are .*quiet"),
    ],
)
def test_a_mistake_is_answered_in_one_line(name, words):
    with pytest.raises(CommandError, match=words) as raised:
        resolve(name)
    assert raised.value.status == 2
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_loaded_says_why(tmp_path):
    (tmp_path / "broken.py").write_text("import a_module_that_is_missing")
    with pytest.raises(CommandError, match=r"broken.py cannot be loaded: ModuleNotFoundError: .*a_module_that"):
        resolve(str(tmp_path / "broken.py"))
