"""``realtime sim``: one run of a scenario in virtual time."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from realtime.commands.errors import CommandError
from realtime.commands.scenarios import add_scenario, check_network, described, resolve

if TYPE_CHECKING:  # imported where they are used: the other commands must start without them
    from collections.abc import Mapping

    from realtime.sim.report import Latency
    from realtime.sim.seed_run import SeedResult

HELP = "run a scenario in the simulated world, once"
DESCRIPTION = f"""Runs a scenario with the real client and server on modelled mobile networks, in
virtual time. The same seed gives the same run, to the last byte. Exit status 1: a promise was
broken, or the scenario raised.

Built-in scenarios:
{described()}"""

MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime sim``."""
    add_scenario(parser)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which run (default: %(default)s)")
    parser.add_argument("--shuffle", action="store_true", help="interleave the hosts' ready callbacks at random")
    parser.add_argument("--faults", metavar="JSON|@FILE", help="this fault plan instead of the one that the seed draws")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Run once; 1 if anything was violated.

    Raises:
        CommandError: the scenario or a setting makes no sense.
    """
    from realtime.sim.seed_run import SettingRefused, Settings, run_seed

    scenario = resolve(options.scenario)
    check_network(options)
    settings = Settings(
        profile=options.profile, trace=options.trace, faults=_plan(options.faults), is_shuffled=options.shuffle
    )
    try:
        with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
            result = run_seed(scenario.reference, options.seed, settings, name=scenario.name)
    except SettingRefused as error:
        raise CommandError(f"{scenario.name}: {error}", status=2) from error
    if options.json:
        print(msgspec.json.encode(as_values(scenario.name, result)).decode())
    else:
        print("\n".join(_told(scenario.name, result)))
    print(result.traceback, end="", file=sys.stderr)
    return 0 if result.passed else 1


def as_values(name: str, result: SeedResult) -> dict[str, Any]:
    """What a program is told of a run."""
    return {
        "scenario": name,
        "seed": result.seed,
        "hash": result.hash,
        "timing_hash": result.timing_hash,
        "virtual_s": result.virtual_s,
        "wall_s": result.wall_s,
        "counts": result.counts,
        "violations": result.violations,
        "faults": result.faults,
        "latencies": {what: latency.figures() for what, latency in result.latencies.items()},
        "replay": result.replay,
    }


def figures(counts: Mapping[str, int], faults: Mapping[str, int]) -> list[str]:
    """What happened, and what went wrong, in a few lines."""
    by_verb = f" ({', '.join(f'{verb} {n}' for verb, n in faults.items())})" if faults else ""
    return [
        "  " + ", ".join(f"{key} {counts[key]}" for key in ("attempted", "acked", "delivered")),
        f"  faults {counts['faults']}{by_verb}, reconnects {counts['reconnects']}",
        *_driven(counts),
        "  "
        + ", ".join(
            f"{key} {counts[key]}" for key in ("lost", "duplicated", "reordered", "phantom", "divergent", "stuck")
        ),
    ]


def _driven(counts: Mapping[str, int]) -> list[str]:
    """What a scenario drives beside messages."""
    names = {"presence": "presence changes", "crossings": "fence crossings", "notifications": "notifications"}
    words = ", ".join(f"{name} {counts[key]}" for key, name in names.items())
    return [f"  {words}"] if any(counts[key] for key in names) else []


def violations(result: Any) -> list[str]:
    """What was violated, one line each; not more than people read."""
    lines = [f"  {violation}" for violation in result.violations[:MOST_SHOWN]]
    rest = len(result.violations) - len(lines)
    return [*lines, f"  … and {rest} more"] if rest else lines


def _told(name: str, result: SeedResult) -> list[str]:
    return [
        f"{name}, seed {result.seed}: {result.virtual_s:.1f} s in {result.wall_s:.2f} s",
        *([f"  returned {result.returned}"] if result.returned else []),
        *figures(result.counts, result.faults),
        *(_latency(what, latency) for what, latency in result.latencies.items() if latency.count),
        *([f"Violations: {len(result.violations)}", *violations(result)] if result.violations else ["No violation."]),
        f"Hash {result.hash}, of the timing alone {result.timing_hash}",
        f"Again: {result.replay}",
    ]


def _latency(what: str, latency: Latency) -> str:
    return f"  {what} p50 {latency.p50_s:.3f} s, p99 {latency.p99_s:.3f} s, max {latency.max_s:.3f} s"


def _plan(text: str | None) -> str | None:
    """The fault plan that is meant, as JSON."""
    from realtime.sim.fault_plan import FaultPlan

    if text is None:
        return None
    try:
        plan = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        FaultPlan.from_json(plan)
    except (OSError, ValueError) as error:
        raise CommandError(f"--faults: {error}", status=2) from error
    return plan
