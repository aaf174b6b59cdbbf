"""The console command: help, versions, exit codes."""

import subprocess
import sys

import pytest

from realtime.cli import main
from tests.processes import REALTIME


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("program", [(REALTIME,), (sys.executable, "-m", "realtime")], ids=["script", "module"])
def test_help_names_every_command(program):
    shown = run(*program, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: realtime ")
    for command in ("lab", "serve", "proxy", "sim", "campaign", "doctor"):
        assert f"\n    {command} " in shown.stdout


@pytest.mark.parametrize("command", ["lab", "serve", "proxy", "sim", "campaign", "doctor"])
def test_each_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: realtime {command}")
    assert max(map(len, shown.splitlines())) <= 100


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "usage: realtime" in capsys.readouterr().err


def test_the_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("realtime-lab ")


def test_a_wrong_option_is_refused_with_status_2(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "many"])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


def test_an_error_is_one_line_without_a_traceback():
    shown = run(REALTIME, "serve", "--store", "redis")
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr == (
        "realtime serve: --store redis: no such store; use --store sqlite:PATH, or --store memory\n"
    )
