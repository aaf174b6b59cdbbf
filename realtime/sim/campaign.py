"""Many seeds of one scenario, on all cores, up to the first that fails."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import TypeAlias

import msgspec

from realtime.protocol.errors import RealtimeError
from realtime.sim.fault_plan import FaultPlan
from realtime.sim.report import COUNTS, Latency, Violation
from realtime.sim.scenario import load_scenario
from realtime.sim.seed_run import RAISED, SeedResult, SettingRefused, Settings, replay_of, run_seed
from realtime.sim.shrink import Parts, shrink

OnResult: TypeAlias = Callable[[SeedResult], object]

SHRINK_TRIES = 60
"""Runs that may be spent on a smaller fault plan."""

_AHEAD = 2  # seeds given to each worker, the one that it runs included
_LISTEN_S = 0.5  # a signal that another thread got does not wake the one that waits


class WorkerLost(RealtimeError):
    """A worker process ended without a word, and with it the seeds that were running."""


class Shrunk(msgspec.Struct, frozen=True, kw_only=True):
    """A smaller fault plan with which a seed still fails.

    Args:
        faults: how many faults it has.
        plan: as JSON.
        hash: of that run.
        violations: in that run.
        replay: the command that repeats it.
    """

    faults: int
    plan: str
    hash: str
    violations: tuple[Violation, ...]
    replay: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The lowest seed that violated something.

    Args:
        seed: the seed.
        replay: the command that repeats it.
        hash: of that run.
        timing_hash: of that run.
        violations: in that run.
        faults: how many faults its plan has.
        traceback: of what was raised.
        shrunk: the same with fewer faults; None if there was no fault plan, or all are needed.
    """

    seed: int
    replay: str
    hash: str
    timing_hash: str
    violations: tuple[Violation, ...]
    faults: int
    traceback: str
    shrunk: Shrunk | None = None


class CampaignResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a campaign. Seeds beyond the first that fails do not count.

    Args:
        scenario: as it was called.
        seeds: how many were run.
        violations: how many there were.
        counts: of all seeds together, by the names of :data:`~realtime.sim.report.COUNTS`.
        first_failure: the lowest seed that failed; None if all passed.
        faults: how many of each verb were carried out.
        latencies: by what is measured, of all seeds together.
        virtual_s: of all seeds together.
        cpu_s: wall time of all seeds together.
    """

    scenario: str
    seeds: int
    violations: int
    counts: dict[str, int]
    first_failure: Failure | None
    faults: dict[str, int]
    latencies: dict[str, Latency]
    virtual_s: float
    cpu_s: float

    @property
    def passed(self) -> bool:
        """Whether nothing was violated."""
        return self.first_failure is None

    @classmethod
    def of(cls, scenario: str, results: Sequence[SeedResult], first_failure: Failure | None = None) -> CampaignResult:
        """Sum up the results of seeds."""
        return cls(
            scenario=scenario,
            seeds=len(results),
            violations=sum(len(result.violations) for result in results),
            counts={key: sum(result.counts[key] for result in results) for key in COUNTS},
            first_failure=first_failure,
            faults=_summed(result.faults for result in results),
            latencies=_gathered(results),
            virtual_s=sum(result.virtual_s for result in results),
            cpu_s=sum(result.wall_s for result in results),
        )


def run_campaign(
    reference: str,
    seeds: Sequence[int],
    settings: Settings | None = None,
    *,
    name: str | None = None,
    jobs: int | None = None,
    on_result: OnResult | None = None,
) -> CampaignResult:
    """Run a scenario with each seed, until one fails; make the faults of that one fewer.

    Odd seeds run shuffled, so that half of the runs explore other interleavings than the one that asyncio promises.

    Args:
        reference: see :func:`~realtime.sim.seed_run.run_seed`.
        seeds: in rising order.
        settings: of every run.
        name: how replay lines call the scenario; by its reference by default.
        jobs: processes; all cores by default. 1 runs in this process, which then needs no ``if __name__ …`` guard.
        on_result: told of each seed that has run, in the order in which they end.

    Raises:
        ScenarioError: the reference leads to no scenario.
        SettingRefused: the scenario does not take a setting.
        WorkerLost: a scenario ended its process.
        ValueError: there are no seeds, or no jobs.
    """
    if not seeds:
        raise ValueError("there are no seeds in this campaign")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    settings = settings or Settings()
    load_scenario(reference)  # finds mistakes now instead of in every worker
    calls = [(reference, seed, _settings_of(seed, settings), name) for seed in seeds]
    jobs = min(jobs or os.cpu_count() or 1, len(calls))
    results: dict[int, SeedResult] = {}
    for result in _alone(calls) if jobs == 1 else _in_workers(calls, jobs):
        results[result.seed] = result
        if on_result is not None:
            on_result(result)
    failed = min((seed for seed, result in results.items() if not result.passed), default=None)
    counted = [results[seed] for seed in sorted(results) if failed is None or seed <= failed]
    failure = None if failed is None else _failure(reference, results[failed], _settings_of(failed, settings), name)
    return CampaignResult.of(name or reference, counted, failure)


_Call: TypeAlias = tuple[str, int, Settings, str | None]


def _settings_of(seed: int, settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, is_shuffled=settings.is_shuffled or seed % 2 == 1)


def _run(call: _Call) -> SeedResult:
    reference, seed, settings, name = call
    return run_seed(reference, seed, settings, name=name)


def _alone(calls: Sequence[_Call]) -> Iterator[SeedResult]:
    for call in calls:
        yield (result := _run(call))
        if not result.passed:
            return


def _in_workers(calls: Sequence[_Call], jobs: int) -> Iterator[SeedResult]:
    """Results as they come; once one has failed, no further seed is begun."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # a fork would copy the threads' locks, but not the threads
    waiting = list(reversed(calls))
    running: dict[Future[SeedResult], _Call] = {}
    with ProcessPoolExecutor(jobs, context, initializer=_begin_worker) as workers:
        try:
            while running or waiting:
                while waiting and len(running) < jobs * _AHEAD:
                    call = waiting.pop()
                    running[workers.submit(_run, call)] = call
                done = wait(running, timeout=_LISTEN_S, return_when=FIRST_COMPLETED).done
                results = [future.result() for future in done]
                for future in done:
                    del running[future]
                for result in sorted(results, key=lambda result: result.seed):
                    if not result.passed:
                        waiting.clear()
                    yield result
        except BrokenProcessPool:
            raise WorkerLost(_last_words(running.values())) from None
        except BaseException:
            workers.shutdown(wait=False, cancel_futures=True)
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()  # a run that has no end is not waited for
            raise


def _last_words(calls: Iterable[_Call]) -> str:
    lines = (replay_of(name or reference, seed, settings) for reference, seed, settings, name in calls)
    return "a worker process ended without a word, in one of these runs:\n  " + "\n  ".join(lines)


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that the user started
    sys.stdout = sys.stderr  # what a scenario prints is no result
    threading.Thread(target=_leave_after, args=(multiprocessing.parent_process(),), daemon=True).start()


def _leave_after(parent: BaseProcess | None) -> None:
    """End this process when its parent was killed: nobody is left who wants the result."""
    if parent is not None:
        parent.join()
        os._exit(1)


def _failure(reference: str, result: SeedResult, settings: Settings, name: str | None) -> Failure:
    plan = None if result.plan is None else FaultPlan.from_json(result.plan)
    return Failure(
        seed=result.seed,
        replay=result.replay,
        hash=result.hash,
        timing_hash=result.timing_hash,
        violations=result.violations,
        faults=0 if plan is None else len(plan.faults),
        traceback=result.traceback,
        shrunk=None if plan is None else _shrunk(reference, result, plan, settings, name),
    )


def _shrunk(reference: str, result: SeedResult, plan: FaultPlan, settings: Settings, name: str | None) -> Shrunk | None:
    """The same kind of violation with as few faults as the tries find."""
    kinds = {_kind(violation) for violation in result.violations}
    failures: dict[Parts, Shrunk] = {}

    def fails(kept: Parts) -> bool:
        fewer = plan.without(set(range(len(plan.faults))) - set(kept)).to_json()
        again = run_seed(reference, result.seed, msgspec.structs.replace(settings, faults=fewer), name=name)
        if not any(_kind(violation) in kinds for violation in again.violations):
            return False
        failures[kept] = Shrunk(
            faults=len(kept), plan=fewer, hash=again.hash, violations=again.violations, replay=again.replay
        )
        return True

    try:
        return failures.get(shrink(len(plan.faults), fails, max_tries=SHRINK_TRIES))
    except SettingRefused:
        return None  # it draws its plan itself, and takes no other


def _kind(violation: Violation) -> str:
    """What has to stay the same when causes are taken away: of what was raised, the type as well."""
    return violation.text.partition(":")[0] if violation.kind == RAISED else violation.kind


def _summed(counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(sorted(total.items()))


def _gathered(results: Sequence[SeedResult]) -> dict[str, Latency]:
    names = dict.fromkeys(name for result in results for name in result.latencies)
    return {name: Latency.pooled(run.latencies[name] for run in results if name in run.latencies) for name in names}
