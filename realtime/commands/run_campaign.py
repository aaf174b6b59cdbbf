"""``realtime campaign``: a scenario with many seeds, on all cores."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from realtime.commands.errors import CommandError
from realtime.commands.run_sim import figures, violations
from realtime.commands.scenarios import add_scenario, check_network, described, resolve

if TYPE_CHECKING:  # imported where they are used: the other commands must start without them
    from realtime.sim.campaign import CampaignResult, Failure
    from realtime.sim.report import Latency
    from realtime.sim.seed_run import SeedResult

HELP = "run a scenario with many seeds, and find the first that fails"
DESCRIPTION = f"""Runs a scenario once for each seed, on all cores; odd seeds with the hosts' callbacks
interleaved at random. Stops at the first seed that breaks a promise, looks for a smaller fault plan
that still does, and prints the lines that repeat both. Exit status 1: a promise was broken, or the
scenario raised.

Built-in scenarios:
{described()}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime campaign``."""
    add_scenario(parser)
    parser.add_argument("--seeds", type=_seeds, required=True, metavar="A:B", help="from A up to, not including, B")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Run all seeds; 1 if one failed.

    Raises:
        CommandError: the scenario or a setting makes no sense.
    """
    from realtime.sim.campaign import WorkerLost, run_campaign
    from realtime.sim.entropy import real_seconds
    from realtime.sim.seed_run import SettingRefused, Settings

    scenario = resolve(options.scenario)
    check_network(options)
    settings = Settings(profile=options.profile, trace=options.trace)
    started_s = real_seconds()
    try:
        with contextlib.redirect_stdout(sys.stderr), _progress(options) as on_result:
            result = run_campaign(
                scenario.reference,
                options.seeds,
                settings,
                name=scenario.name,
                jobs=options.jobs,
                on_result=on_result,
            )
    except SettingRefused as error:
        raise CommandError(f"{scenario.name}: {error}", status=2) from error
    except WorkerLost as error:
        raise CommandError(str(error)) from error
    wall_s = real_seconds() - started_s
    if options.json:
        print(msgspec.json.encode(_as_values(result, wall_s)).decode())
        if result.first_failure is not None:
            print(result.first_failure.traceback, end="", file=sys.stderr)
    else:
        print("\n".join(_told(options.seeds, result, wall_s)))
    return 0 if result.passed else 1


def _as_values(result: CampaignResult, wall_s: float) -> dict[str, Any]:
    return {
        "scenario": result.scenario,
        "seeds": result.seeds,
        "violations": result.violations,
        "counts": result.counts,
        "first_failure": None if result.first_failure is None else _failure(result.first_failure),
        "faults": result.faults,
        "latencies": {what: latency.figures() for what, latency in result.latencies.items()},
        "virtual_s": result.virtual_s,
        "wall_s": wall_s,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "seed": failure.seed,
        "replay": failure.replay,
        "hash": failure.hash,
        "timing_hash": failure.timing_hash,
        "violations": failure.violations,
        "shrunk": failure.shrunk,
    }


def _told(seeds: range, result: CampaignResult, wall_s: float) -> list[str]:
    lines = [
        f"{result.scenario}, seeds {seeds[0]} to {seeds[result.seeds - 1]}: {result.seeds} runs, "
        f"{result.virtual_s / 3600:.1f} virtual hours in {wall_s:.1f} s",
        *figures(result.counts, result.faults),
        *(_latency(what, latency) for what, latency in result.latencies.items() if latency.count),
    ]
    failure = result.first_failure
    if failure is None:
        return [*lines, "No violation."]
    lines += [f"Seed {failure.seed} failed:", *violations(failure), *failure.traceback.splitlines()]
    if failure.shrunk is not None:
        lines += [
            f"{failure.shrunk.faults} of its {failure.faults} faults are enough:",
            *violations(failure.shrunk),
            f"  {failure.shrunk.replay}",
        ]
    return [*lines, f"Again: {failure.replay}"]


def _latency(what: str, latency: Latency) -> str:
    times = f"p50 {latency.p50_s:.3g} s, p99 {latency.p99_s:.3g} s, max {latency.max_s:.3g} s"
    return f"  {what} {times}, of the {latency.count} in all runs together, to three digits"


@contextlib.contextmanager
def _progress(options: argparse.Namespace) -> Iterator[Callable[[SeedResult], None]]:
    """A bar where somebody watches, and tqdm is installed."""
    bar = None
    if sys.stderr.isatty() and not options.json:
        with contextlib.suppress(ImportError):
            from tqdm import tqdm

            bar = tqdm(total=len(options.seeds), unit="run", file=sys.stderr, desc=options.scenario)

    def ran(result: SeedResult) -> None:
        if bar is not None:
            bar.update()

    with contextlib.nullcontext() if bar is None else contextlib.closing(bar):
        yield ran


def _seeds(text: str) -> range:
    first, colon, end = text.partition(":")
    if not (colon and first.isdecimal() and end.isdecimal() and int(first) < int(end)):
        raise argparse.ArgumentTypeError(f"{text!r} is no range of seeds: write A:B, such as 0:500")
    return range(int(first), int(end))


def _positive(text: str) -> int:
    if not (text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)
