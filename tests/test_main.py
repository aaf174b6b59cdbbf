"""`python -m realtime` is the console command: the same words, the same exit status."""

import subprocess
import sys

import pytest

from tests.processes import REALTIME

pytestmark = pytest.mark.untraced


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    return done.returncode, done.stdout, done.stderr


def test_it_says_what_the_console_command_says():
    module = run(sys.executable, "-m", "realtime", "--version")
    assert module == run(REALTIME, "--version")
    assert module[0] == 0
    assert module[1].strip()


def test_its_exit_status_is_the_commands():
    status, output, errors = run(sys.executable, "-m", "realtime", "serve", "--store", "redis")
    assert (status, output) == (2, "")
    assert errors.startswith("realtime serve: --store redis")


def test_importing_it_runs_nothing():
    assert run(sys.executable, "-c", "import realtime.__main__")[:2] == (0, "")
