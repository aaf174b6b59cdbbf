"""Scenarios by name: from a function to a line that anybody can type, and back."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.protocol.errors import RealtimeError
from realtime.sim.scenario import ScenarioError, load_scenario, scenario_reference

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
from dataclasses import dataclass

import the_neighbour


@dataclass
class Told:
    word: str


async def main(world):
    return Told(the_neighbour.WORD)


async def other(world):
    return world


async def of_two(world, more):
    return world, more


def plain(world):
    return world


NUMBER = 7
"""


async def here(world):
    return world


class Things:
    async def method(self, world):
        return world


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "commute.py").write_text(SCRIPT)
    (tmp_path / "deep" / "the_neighbour.py").write_text("WORD = 'next door'")
    return Path("deep") / "commute.py"


async def test_a_function_of_an_importable_module_goes_by_its_name():
    assert scenario_reference(here) == "tests.sim.test_scenario:here"
    assert load_scenario("tests.sim.test_scenario:here").__code__ is here.__code__


async def test_a_function_of_a_file_goes_by_the_path_from_here(script):
    main = load_scenario(f"{script}:main")
    assert (await main(None)).word == "next door"
    assert scenario_reference(main) == "deep/commute.py:main"
    assert await load_scenario("deep/commute.py:other")(3) == 3


async def test_a_file_elsewhere_goes_by_its_whole_path(script, tmp_path_factory, monkeypatch):
    main = load_scenario(str(script))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    reference = scenario_reference(main)
    assert Path(reference.removesuffix(":main")).is_absolute()
    assert (await load_scenario(reference)(None)).word == "next door"


async def test_main_is_the_function_that_goes_without_saying(script):
    assert load_scenario(str(script)).__name__ == "main"


async def test_a_file_is_read_again_each_time(script):
    load_scenario(str(script))
    script.write_text("async def main(world): return 'changed'")
    assert await load_scenario(str(script))(None) == "changed"


def test_a_module_of_the_present_directory_is_found(script, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(Path.cwd()))])
    Path("in_this_directory.py").write_text("async def main(world): pass")
    try:
        assert scenario_reference(load_scenario("in_this_directory")) == "in_this_directory:main"
    finally:
        sys.modules.pop("in_this_directory", None)


def test_a_script_that_runs_is_named_by_its_file(script):
    Path("own.py").write_text(
        "from realtime.sim.scenario import scenario_reference\n"
        "async def main(world): pass\n"
        "print(scenario_reference(main))\n"
    )
    for arguments, expected in (["own.py"], "own.py:main"), (["-m", "own"], "own:main"):
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected


def test_what_wraps_a_scenario_goes_by_its_name():
    """As code does that runs scenarios of others and looks on."""

    @functools.wraps(here)
    async def watched(world):
        return await here(world)

    assert scenario_reference(watched) == "tests.sim.test_scenario:here"


@pytest.mark.parametrize("kind", ["nested", "lambda", "method", "partial", "typed"])
def test_what_has_no_name_has_no_reference(kind):
    async def nested(world):
        return world

    typed = {}
    exec("async def main(world): pass", typed)  # as a notebook's cell or the interpreter's prompt
    function = {
        "nested": nested,
        "lambda": lambda world: nested(world),
        "method": Things().method,
        "partial": functools.partial(here),
        "typed": typed["main"],
    }[kind]
    with pytest.raises(ScenarioError, match="async function at the top of a module or a file"):
        scenario_reference(function)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("deep/none.py:main", r"there is no file deep/none.py \(from .*\)"),
        ("deep:main", "there is no 'main' in deep; .*no async functions"),
        ("deep/commute.py:mian", "there is no 'mian' in deep/commute.py; its async functions are main, of_two, other"),
        ("deep/commute.py:plain", "plain in deep/commute.py is not an async function: write `async def plain"),
        ("deep/commute.py:NUMBER", "NUMBER in deep/commute.py is not an async function"),
        ("deep/commute.py:of_two", "of_two in deep/commute.py must take one argument, the world"),
        ("no.such.module:main", "there is no module no.such.module"),
        ("realtime.sim.none:main", "there is no module realtime.sim.none"),
        ("", "PACKAGE.MODULE:FUNCTION or PATH.py:FUNCTION"),
        (":main", "PACKAGE.MODULE:FUNCTION or PATH.py:FUNCTION"),
        ("a b:main", "PACKAGE.MODULE:FUNCTION or PATH.py:FUNCTION"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(script, reference, words):
    with pytest.raises(ScenarioError, match=words):
        load_scenario(reference)
    assert issubclass(ScenarioError, RealtimeError)


def test_a_file_that_fails_tells_its_own_failure(script):
    script.write_text("import a_module_that_is_missing")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        load_scenario(str(script))
    Path("failing_module.py").write_text("import a_module_that_is_missing")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        load_scenario("failing_module:main")
