"""The checkers catch broken clients and servers under chaos; ``python -m tests.sim.mutants`` tries 50 seeds each."""

import logging

import pytest

from realtime.lab.scenarios import chaos
from realtime.sim.fault_plan import FaultPlan
from realtime.sim.world import simulate
from tests.sim.broken_servers import Refuses
from tests.sim.mutants import KNOWN, MUTANTS, first_caught, report_of

pytestmark = pytest.mark.untraced  # tracing makes simulated chaos three times slower; test_chaos.py is measured

SEEDS = range(24)
"""They are searched where the known seed does not do any more: 24 in vain are 0.1 % if one of four catches it."""


@pytest.fixture(autouse=True)
def _quiet():
    """What is broken complains about what is broken."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.clause("RT-SIM-9")
@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mutant_is_caught_by_the_checker_that_is_for_it(name):
    assert first_caught(name, dict.fromkeys([KNOWN.get(name, 0), *SEEDS])) is not None


def test_the_known_seeds_are_of_mutants():
    assert KNOWN.keys() <= MUTANTS.keys()


def test_a_server_that_refuses_and_does_not_store_is_not_accused():
    """A server may refuse: a message that was refused, and that nobody was told, is no broken promise."""
    report = report_of({"engine": lambda rng: Refuses(rng=rng)}, seed=0)
    assert report.passed, str(report)
    assert report.counts["acked"] < report.counts["attempted"]


def test_chaos_without_faults_proves_nothing(monkeypatch):
    """Only a battery is empty at the end; nobody has to reconnect."""
    monkeypatch.setattr(chaos, "drawn_plan", lambda rng: FaultPlan(()))
    assert {violation.kind for violation in simulate(chaos.main).result.violations} == {"vacuous"}
