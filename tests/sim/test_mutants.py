"""The checkers catch broken clients and servers under chaos; ``python -m tests.sim.mutants`` tries 50 seeds each."""

import pytest

from tests.sim.broken_servers import Refuses
from tests.sim.mutants import MUTANTS, first_caught, report_of

FEW = range(4)  # each is caught by one of these, most by the first


@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mutant_is_caught_by_the_checker_that_is_for_it(name):
    assert first_caught(name, FEW) is not None


def test_a_server_that_refuses_and_does_not_store_is_not_accused():
    """A disk may be full: a message that was refused, and that nobody was told, is no broken promise."""
    report = report_of({"engine": lambda rng: Refuses(rng=rng)}, seed=0)
    assert report.passed, str(report)
    assert report.counts["acked"] < report.counts["attempted"]
