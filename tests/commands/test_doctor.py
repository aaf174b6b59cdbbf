"""`realtime doctor`: what is here, what is missing, and the command that adds it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from realtime.commands.doctor import PURPOSES, Part, extras, find_chromium, find_node, report
from tests.processes import REALTIME

REQUIRES = [
    "msgspec>=0.22",
    "websockets<18,>=17",
    "gpxpy>=1.6; extra == 'geo'",
    "anywidget>=0.11; extra == 'lab'",
    'jupyterlab>=4.4; extra == "lab"',
    "uvloop>=0.21; (sys_platform != 'win32') and extra == 'server'",
]
HERE = {"websockets": "17.4", "msgspec": "0.22.0", "jupyterlab": "4.6.6", "gpxpy": "1.6.2"}


def test_extras_are_read_from_the_distribution():
    assert extras(REQUIRES, platform="linux") == {
        "": ["msgspec", "websockets"],
        "geo": ["gpxpy"],
        "lab": ["anywidget", "jupyterlab"],
        "server": ["uvloop"],
    }


def test_it_is_told_what_each_extra_is_for():
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) <= set(PURPOSES)


def test_uvloop_is_not_missed_where_it_does_not_exist():
    assert "server" not in extras(REQUIRES, platform="win32")


def test_a_missing_part_names_its_command():
    parts = report(REQUIRES, HERE.get, node=None, chromium="/usr/bin/chromium", platform="linux")
    by_name = {part.name: part for part in parts}
    assert by_name["base"] == Part("base", True, {"msgspec": "0.22.0", "websockets": "17.4"}, (), "")
    assert by_name["lab"].missing == ("anywidget",)
    assert by_name["lab"].command == "pip install 'realtime-lab[lab]'"
    assert by_name["server"].command == "pip install 'realtime-lab[server]'"
    assert by_name["geo"].present
    assert not by_name["node"].present
    assert "nodejs" in by_name["node"].command
    assert by_name["chromium"].present


def test_node_is_found_only_if_it_is_new_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_node() is None
    node = tmp_path / "node"
    for version, found in (("v16.1.0", None), ("v20.20.2", "20.20.2")):
        node.write_text(f"#!/bin/sh\necho {version}\n")
        node.chmod(0o755)
        assert find_node() == found


def test_chromium_is_found_on_the_path_or_where_playwright_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "browsers"))
    assert find_chromium() is None
    (tmp_path / "browsers" / "chromium-1234").mkdir(parents=True)
    assert find_chromium() == str(tmp_path / "browsers" / "chromium-1234")
    (tmp_path / "bin").mkdir()
    own = tmp_path / "bin" / "chromium"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_chromium() == str(own)


def run(*options, **environment):
    return subprocess.run(
        [REALTIME, "doctor", *options], capture_output=True, text=True, timeout=50, env=os.environ | environment
    )


def test_the_command_shows_versions_and_ends_well():
    shown = run()
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert shown.stdout.startswith("realtime-lab ")
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in shown.stdout
    for word in ("websockets", "jupyterlab", "node", "chromium"):
        assert word in shown.stdout


def test_the_same_as_json():
    shown = run("--json")
    assert shown.returncode == 0
    told = json.loads(shown.stdout)
    parts = {part["name"]: part for part in told["parts"]}
    assert parts["base"]["present"]
    assert parts["base"]["versions"]["msgspec"]
    assert {"lab", "server", "geo", "test", "node", "chromium"} <= set(parts)


def test_what_is_missing_is_no_failure(tmp_path):
    shown = run(PATH=str(tmp_path), PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert shown.returncode == 0
    assert "playwright install" in shown.stdout
    assert "nodejs" in shown.stdout


def test_a_broken_base_fails(tmp_path: Path):
    (tmp_path / "pandas.py").write_text("raise ImportError('no wheel for this machine')\n")
    shown = run(PYTHONPATH=str(tmp_path))
    assert shown.returncode == 1
    assert "no wheel for this machine" in shown.stdout
    assert "pip install --force-reinstall" in shown.stdout
