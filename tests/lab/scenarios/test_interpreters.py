"""Chaos is the same run under every Python that is supported and installed here."""

import pytest

from tests.lab.scenarios import interpreters

pytestmark = [pytest.mark.untraced, pytest.mark.timeout(240)]


def test_one_seed_is_one_run_under_every_interpreter_of_this_machine(capsys):
    """Under this one alone it still is one: two processes with two hash seeds are compared elsewhere."""
    assert interpreters.main(seed=0), capsys.readouterr().out
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(interpreters.interpreters()), "each is told, with its hashes or why there are none"
