"""``kill -9`` of a durable server and of its clients, many times; every acknowledged message is looked for everywhere.

``python -m tests.benchmarks.kill9 [--kills 50] [--seed N] [--profile 3g] [--folder DIR]``: see
:mod:`tests.live.kill9`. The seed decides who is killed when; a folder that is named is kept, with the database, the
outboxes and everybody's diaries.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
from pathlib import Path

from realtime.sim.report import Latency
from tests.live.kill9 import SERVER, Plan, run
from tests.live.verdict import Verdict

COUNTED = ("attempted", "acked", "delivered", "lost", "duplicated", "reordered", "phantom", "divergent", "stuck")
SHOWN = 20  # violations that are printed


def table(seed: int, verdict: Verdict) -> str:
    """What happened, for people."""
    kills = ", ".join(f"{name} {number}" for name, number in sorted(verdict.kills.items()))
    others = [took_s for name, all_s in verdict.recovered_s.items() if name != SERVER for took_s in all_s]
    server = _words(verdict.recovered_s.get(SERVER, []))
    rows = {
        "seed": seed,
        "kills": f"{sum(verdict.kills.values())} ({kills})",
        **{name: verdict.counts[name] for name in COUNTED},
        "again": f"{verdict.counts['again']} (entries that the stock clients had, and dropped by their offset)",
        "server back": f"{server} (from its ready line until a client is in its rooms)",
        "client back": f"{_words(others)} (from its start until it is in its rooms)",
    }
    return "\n".join(f"{name:12}  {value}" for name, value in rows.items())


def _words(times_s: list[float]) -> str:
    took = Latency.of(times_s)
    return "never" if took.p50_s is None else f"median {took.p50_s:.2f} s, p99 {took.p99_s:.2f} s"


def main(arguments: list[str] | None = None) -> None:
    """Run, show, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kill9", description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, help="(default: any; it is printed)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two kills, on average (default: 1)")
    parser.add_argument("--profile", help="network of the clients, such as 3g (default: none)")
    parser.add_argument("--folder", type=Path, help="for the files, which are kept then")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed} …", file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kill9-")))
        folder.mkdir(parents=True, exist_ok=True)
        plan = Plan(seed=seed, kills=options.kills, pause_s=options.pause, folder=folder, profile=options.profile)
        verdict = asyncio.run(run(plan))
    print(table(seed, verdict))
    for violation in verdict.violations[:SHOWN]:
        print(violation)
    if len(verdict.violations) > SHOWN:
        print(f"… and {len(verdict.violations) - SHOWN} more")
    if verdict.violations:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
