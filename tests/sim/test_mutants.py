"""The checkers catch broken clients and servers under chaos; ``python -m tests.sim.mutants`` tries 50 seeds each."""

import logging

import pytest

from realtime.lab.scenarios import chaos
from realtime.sim.fault_plan import FaultPlan
from realtime.sim.world import simulate
from tests.sim.broken_servers import Refuses
from tests.sim.mutants import MUTANTS, first_caught, report_of

SEEDS = range(8)  # most are caught by the first
RARE = {  # these need a crash or a lost ack at the right moment: one seed of four has it, and 0.75 ** 24 is 0.001
    "a server that acks before its commit is on disk": range(24),
    "a server that forgets to dedupe retries": range(24),
}


@pytest.fixture(autouse=True)
def _quiet():
    """What is broken complains about what is broken."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.clause("RT-SIM-9")
@pytest.mark.parametrize("name", list(MUTANTS))
def test_a_mutant_is_caught_by_the_checker_that_is_for_it(name):
    assert first_caught(name, RARE.get(name, SEEDS)) is not None


def test_a_server_that_refuses_and_does_not_store_is_not_accused():
    """A server may refuse: a message that was refused, and that nobody was told, is no broken promise."""
    report = report_of({"engine": lambda rng: Refuses(rng=rng)}, seed=0)
    assert report.passed, str(report)
    assert report.counts["acked"] < report.counts["attempted"]


def test_chaos_without_faults_proves_nothing(monkeypatch):
    """Only a battery is empty at the end; nobody has to reconnect."""
    monkeypatch.setattr(chaos, "drawn_plan", lambda rng: FaultPlan(()))
    assert {violation.kind for violation in simulate(chaos.main).result.violations} == {"vacuous"}
