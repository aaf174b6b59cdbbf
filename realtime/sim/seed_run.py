"""One seed of a scenario, judged: what a command line, a campaign and its workers run."""

from __future__ import annotations

import inspect
import reprlib
import traceback
from typing import Any, NamedTuple

import msgspec

from realtime.protocol.errors import RealtimeError
from realtime.sim.checkers import check
from realtime.sim.entropy import real_seconds
from realtime.sim.history import History
from realtime.sim.process import DEFAULT_HOST
from realtime.sim.replay import replay_line
from realtime.sim.report import COUNTS, Latency, Report, Violation
from realtime.sim.scenario import Scenario, load_scenario
from realtime.sim.world import World, simulate

RAISED = "raised"
"""The kind of the violation that an exception is."""

_WITHOUT_ACCESS = (DEFAULT_HOST, "server")
"""Hosts whose network is not a phone's."""


_LONGEST_TEXT = 1000  # characters of a violation; the traceback has the rest


class SettingRefused(RealtimeError):
    """A scenario does not take a setting that was asked for."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What of a run is not its scenario and its seed.

    A scenario takes ``profile``, ``trace`` and ``faults`` by keyword parameters of these names, or from
    :attr:`World.options <realtime.sim.world.World>`. A profile or trace for which it has no parameter becomes the
    network of every host, except ``server`` and the script's own, until the scenario gives it another one.

    Args:
        profile: name of a network profile.
        trace: path of a trace.
        faults: a fault plan as JSON, instead of the one that the seed draws; a scenario that applies none refuses it.
        is_shuffled: the ready callbacks of different hosts are interleaved at random.
    """

    profile: str | None = None
    trace: str | None = None
    faults: str | None = None
    is_shuffled: bool = False


class SeedResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one seed.

    Args:
        seed: the seed.
        hash: over times, sizes and bytes of everything on the network; see :class:`~realtime.sim.world.Run`.
        timing_hash: the same without the bytes.
        virtual_s: how long it took inside.
        wall_s: how long it took outside.
        counts: by the names of :data:`~realtime.sim.report.COUNTS`; zeros for a scenario without a history.
        violations: of promises, and what was raised; in the order of their times.
        latencies: of messages, by what is measured.
        faults: how many of each verb were carried out.
        plan: the fault plan that was applied, as JSON; None if there was none.
        replay: the command that repeats the run.
        traceback: of what was raised.
        returned: what a scenario returned that is neither report nor history, as text.
    """

    seed: int
    hash: str
    timing_hash: str
    virtual_s: float
    wall_s: float
    counts: dict[str, int]
    violations: tuple[Violation, ...]
    latencies: dict[str, Latency]
    faults: dict[str, int]
    plan: str | None
    replay: str
    traceback: str = ""
    returned: str = ""

    @property
    def passed(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations


def run_seed(reference: str, seed: int, settings: Settings | None = None, *, name: str | None = None) -> SeedResult:
    """Run a scenario once, and judge it. What it raises becomes its violation.

    Args:
        reference: of an async function that takes the world: see :func:`~realtime.sim.scenario.load_scenario`. What
            it returns is judged if it is a :class:`~realtime.sim.history.History`, or taken over if it is a
            :class:`~realtime.sim.report.Report`.
        seed: the seed.
        settings: of the run.
        name: how :attr:`SeedResult.replay` calls the scenario; by its reference by default.

    Raises:
        ScenarioError: the reference leads to no scenario.
        SettingRefused: the scenario does not take a setting.
    """
    settings = settings or Settings()
    main = load_scenario(reference)
    replay = replay_of(name or reference, seed, settings)
    ends: list[_End] = []

    async def watched(world: World) -> Any:
        world.replay_command = replay
        try:
            return await main(world, **_taken(main, world))
        finally:  # before everything else is cancelled, which takes time and packets
            journal = world.network.journal
            ends.append(_End(world, world.now_s, journal.hash, journal.timing_hash))

    options = {"profile": settings.profile, "trace": settings.trace, "faults": settings.faults}
    started_s = real_seconds()
    raised: BaseException | None = None
    result: object = None
    try:
        result = simulate(watched, seed=seed, shuffle=settings.is_shuffled, options=options).result
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and CancelledError too: who leaves early has not passed
        raised = error
    if not ends:
        raise SettingRefused(str(raised)) from raised
    if settings.faults is not None and ends[0].world.fault_plan is None and raised is None:
        raise SettingRefused(
            "this scenario applies no fault plan: give its function a parameter faults=None, and let it apply "
            "what is given there, or else FaultPlan.draw(…)"
        )
    return _result(ends[0], result, raised, replay, wall_s=real_seconds() - started_s)


def replay_of(name: str, seed: int, settings: Settings) -> str:
    """The command that repeats a run, for any POSIX shell."""
    return replay_line(
        name,
        seed,
        profile=settings.profile,
        trace=settings.trace,
        faults=settings.faults,
        shuffle=settings.is_shuffled,
    )


def _taken(main: Scenario, world: World) -> dict[str, Any]:
    """The options that a scenario has parameters for; a network that it has none for is everybody's."""
    parameters = inspect.signature(main).parameters
    profile, trace = world.options.get("profile"), world.options.get("trace")

    def come_in(host: str) -> None:
        if host in _WITHOUT_ACCESS:
            return
        if profile is not None and "profile" not in parameters:
            world.set_profile(host, profile)
        if trace is not None and "trace" not in parameters:
            world.follow(host, trace)

    world.network.on_new_host = come_in
    return {key: value for key, value in world.options.items() if key in parameters}


class _End(NamedTuple):
    """A world when its script was over."""

    world: World
    now_s: float
    hash: str
    timing_hash: str


def _result(end: _End, result: object, raised: BaseException | None, replay: str, *, wall_s: float) -> SeedResult:
    world, report = end.world, _judged(result)
    violations = report.violations
    if raised is not None:
        violations = (*violations, Violation(RAISED, _in_words(raised), end.now_s))
    is_verdict = result is None or isinstance(result, Report | History)
    return SeedResult(
        seed=world.seed,
        hash=end.hash,
        timing_hash=end.timing_hash,
        virtual_s=end.now_s,
        wall_s=wall_s,
        counts=report.counts,
        violations=violations,
        latencies=report.latencies,
        faults=dict(sorted(world.faults_fired.items())),
        plan=None if world.fault_plan is None else world.fault_plan.to_json(),
        replay=replay,
        traceback="" if raised is None else _encodable("".join(traceback.format_exception(raised))),
        returned="" if is_verdict else reprlib.repr(result),
    )


def _in_words(error: BaseException) -> str:
    """An error in one line that people can read, and whose beginning says of which type it is."""
    try:
        words = " ".join(str(error).split())
    except Exception:
        words = "(it has no text)"
    text = f"{type(error).__name__}: {words}".removesuffix(": ")
    return _encodable(text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + " …")


def _encodable(text: str) -> str:
    """Text without lone surrogates, such as names of files may have."""
    return text.encode("utf-8", "backslashreplace").decode()


def _judged(result: object) -> Report:
    if isinstance(result, Report):
        return result
    if isinstance(result, History):
        return check(result)
    return Report(counts=dict.fromkeys(COUNTS, 0), violations=(), latencies={})
