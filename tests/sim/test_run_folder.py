"""A run's temporary folder goes with the run, or with the next one if the run was killed."""

import os
import subprocess
import sys

import pytest

from realtime.sim import run_folder
from realtime.sim.run_folder import RunFolder, sweep
from tests.commands.running import ROOT

KILLED = """
import os, signal, sys
from pathlib import Path
from realtime.sim.run_folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
(folder.path / "0-ana").mkdir()
print(folder.path, flush=True)
sys.stdin.read(1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def other(tmp_path):
    """Another process with a folder of its own, until it is told to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_it_is_there_until_it_is_removed(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.path.parent == tmp_path
    (folder.path / "0-ana").mkdir()
    folder.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="there are no locks that keep others out")
def test_one_that_is_in_use_stays_and_that_of_a_killed_process_goes(tmp_path, other):
    path = other.stdout.readline().strip()
    sweep(tmp_path)
    assert [str(each) for each in tmp_path.iterdir()] == [path]
    other.communicate("x")
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_this_process_sweeps_once_and_not_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "_swept", set())
    swept = []
    monkeypatch.setattr(run_folder, "sweep", swept.append)
    folders = [RunFolder(tmp_path) for _ in range(2)]
    assert swept == [tmp_path]
    sweep(tmp_path)
    assert all(folder.path.exists() for folder in folders)
    for folder in folders:
        folder.remove()


def test_one_without_a_lock_goes_when_it_is_old_as_it_may_just_be_made(tmp_path):
    """A run takes seconds. What was left before there were locks is an hour old, and more."""
    for name, age_s in {"realtime-sim-new": 0, "realtime-sim-old": 2 * run_folder.OLD_S, "mine": 1e9}.items():
        (tmp_path / name).mkdir()
        made_s = (tmp_path / name).stat().st_mtime - age_s
        os.utime(tmp_path / name, (made_s, made_s))
    sweep(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine", "realtime-sim-new"]
