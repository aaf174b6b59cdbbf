"""Chaos with broken parts: which checker catches which, and at which seed.

``python -m tests.sim.mutants [SEEDS]`` tries each mutant with up to 50 seeds and prints a table.
"""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

from realtime.lab.scenarios import chaos
from realtime.sim.world import simulate
from tests.sim import broken_features, broken_phones, broken_servers

WITHIN = 50
"""Every mutant has to be caught within so many seeds."""

KNOWN = {
    "a server that acks before its commit is on disk": 1,
    "a server that leaves ghosts": 1,
    "a client that forgets its disk at its start": 6,
    "a client that keeps its outbox in memory": 6,
    "a client that never notices a dead connection": 1,
    "a client that skips what comes in the background": 1,
    "a client that keeps ghosts": 1,
    "a tracker that applies old diffs behind a snapshot": 2,
    "a tracker that keeps ghosts": 1,
    "a client that shows by push and by socket": 5,
    "a client that shows what has waited": 3,
    "a client that keeps on the map who went meanwhile": 1,
    "a server that loses pushes": 1,
    "a server that never withdraws a push": 4,
    "a server that logs crossings twice": 5,
    "a server that keeps shares": 1,
}
"""A seed that catches it, where that is not the first: what ``python -m tests.sim.mutants`` found."""


class Mutant(NamedTuple):
    """A broken part of the chaos scenario, and the checkers that may name what it does."""

    parts: dict[str, Any]
    kinds: frozenset[str]


class Caught(NamedTuple):
    """What the first seed that caught a mutant found."""

    name: str
    seed: int
    kinds: dict[str, int]
    text: str


def _server(part, *kinds):
    return Mutant({"server": part}, frozenset(kinds))


def _engine(part, *kinds):
    return Mutant({"engine": lambda rng: part(rng=rng)}, frozenset(kinds))


def _phone(part, *kinds, **others):
    return Mutant({"phone": part, **others}, frozenset(kinds))


def _feature(part, *kinds):
    """What needs no disk is quicker without one."""
    return _phone(part, *kinds, on_disk=False)


def _service(part, *kinds):
    return Mutant({"server": part, "on_disk": False}, frozenset(kinds))


MUTANTS = {
    "a server that acks before its commit is on disk": _server(
        broken_servers.AcksBeforeItsCommit, "lost", "divergent", "duplicated"
    ),
    "a server that forgets to dedupe retries": _server(broken_servers.ForgetsIds, "duplicated"),
    "a server that gives out an offset twice": _engine(broken_servers.RepeatsOffsets, "divergent"),
    "a server that refuses what it stored": _engine(broken_servers.RefusesWhatItStored, "phantom"),
    "a server that mixes up texts": _engine(broken_servers.SwapsTexts, "phantom"),
    "a server that names another author": _engine(broken_servers.NamesAnother, "phantom", "duplicated"),
    "a server that swaps two broadcasts": _engine(broken_servers.SwapsBroadcasts, "reordered"),
    "a server that drops a broadcast for one member": _server(broken_servers.DropsABroadcast, "lost"),
    "a server that drops changes": _server(broken_servers.DropsChanges, "divergent"),
    "a server that leaves ghosts": _server(broken_servers.LeavesGhosts, "stale", "late detection"),
    "a server that tells an old position last": _server(broken_servers.TellsThePositionBefore, "stale"),
    "a client that forgets to dedupe deliveries": _phone(broken_phones.ForgetsWhatItTold, "duplicated"),
    "a client that resends in the wrong order": _phone(broken_phones.ResendsOutOfOrder, "reordered"),
    "a client that forgets its outbox": _phone(broken_phones.ForgetsItsOutbox, "stuck"),
    "a client that forgets its disk at its start": _phone(broken_phones.ForgetsItsDisk, "stuck"),
    "a client that keeps its outbox in memory": _phone(broken_phones.KeepsItsOutboxInMemory, "stuck"),
    "a client that invents messages": _phone(broken_phones.InventsMessages, "phantom"),
    "a client that shows what was refused": _phone(
        broken_phones.ShowsRefusedMessages, "phantom", engine=lambda rng: broken_servers.Refuses(rng=rng)
    ),
    "a client that does not catch up": _phone(broken_phones.MissesWhatItMissed, "lost"),
    "a client that joins as if for the first time": _phone(broken_phones.ForgetsItsPlace, "lost"),
    "a client that never notices a dead connection": _phone(broken_phones.NeverNoticesDeath, "stuck", "lost"),
    "a client that forgets changes": _phone(broken_phones.ForgetsChanges, "divergent"),
    "a client that skips what comes in the background": _phone(broken_phones.SkipsBackground, "lost", "reordered"),
    "a client that takes members in the background for gone": _phone(
        broken_phones.TakesBackgroundForGone, "stale", "late detection"
    ),
    "a client that goes back to old positions": _phone(broken_phones.GoesBack, "stale"),
    "a client that keeps ghosts": _phone(broken_phones.KeepsGhosts, "stale", "late detection"),
    "a tracker that keeps ghosts": _feature(broken_features.TracksGhosts, "stale", "late detection"),
    "a tracker that applies old diffs behind a snapshot": _feature(broken_features.TracksOldNews, "stale"),
    "a client that forgets its status": _feature(broken_features.ForgetsItsStatus, "stale", "late detection"),
    "a client that follows users once": _feature(broken_features.FollowsOnce, "stale", "late detection"),
    "a client that keeps on the map who went meanwhile": _feature(
        broken_features.KeepsWhoStoppedMeanwhile, "stale", "late detection"
    ),
    "a client that watches fences while connected": _feature(broken_features.WatchesWhileConnected, "stuck"),
    "a client that tells of crossings in passing": _feature(broken_features.TellsCrossingsInPassing, "stuck"),
    "a client that tells of crossings twice": _feature(broken_features.TellsCrossingsTwice, "duplicated"),
    "a client that mistakes the time of crossings": _feature(broken_features.TellsWhenItTold, "phantom", "stuck"),
    "a client that hears of crossings while it is there": _feature(broken_features.MissesCrossings, "lost"),
    "a client that shows typing on and on": _feature(broken_features.KeepsTyping, "late detection", "stale"),
    "a client that shows by push and by socket": _feature(broken_features.ShowsByBothWays, "duplicated"),
    "a client that shows what has waited": _feature(broken_features.ShowsWhatWaited, "duplicated"),
    "a client that keeps what was read elsewhere": _feature(broken_features.KeepsWhatWasRead, "stale"),
    "a server that never withdraws a push": _service(broken_features.NeverWithdraws, "stale"),
    "a server that pushes what was read": _service(broken_features.PushesWhatWasRead, "stale"),
    "a server that loses pushes": _service(broken_features.LosesPushes, "lost"),
    "a server that forgets pushes at a restart": _service(broken_features.ForgetsTokens, "lost"),
    "a server that logs crossings twice": _service(broken_features.ForgetsCrossings, "duplicated"),
    "a server that refuses crossings": _service(broken_features.RefusesCrossings, "lost"),
    "a server that forgets who is in a fence": _service(broken_features.ForgetsWays, "lost"),
    "a server that keeps shares": _service(broken_features.KeepsShares, "stale", "late detection"),
}


def report_of(parts, seed):
    """The report of chaos with these parts; odd seeds run shuffled, as in a campaign."""
    return simulate(chaos.scenario(**parts), seed=seed, shuffle=seed % 2 == 1).result


def first_caught(name, seeds):
    """The first of the seeds in which one of the mutant's checkers speaks; None if none does."""
    mutant = MUTANTS[name]
    for seed in seeds:
        report = report_of(mutant.parts, seed)
        named = [violation for violation in report.violations if violation.kind in mutant.kinds]
        if named:
            kinds = {}
            for violation in report.violations:
                kinds[violation.kind] = kinds.get(violation.kind, 0) + 1
            return Caught(name, seed, kinds, str(named[0]))
    return None


def main(within=WITHIN):
    """Print the table; returns how many mutants were not caught."""
    missed = 0
    with ProcessPoolExecutor(initializer=logging.disable) as workers:  # the mutants complain about each other
        for name, caught in zip(
            MUTANTS, workers.map(first_caught, MUTANTS, [range(within)] * len(MUTANTS)), strict=True
        ):
            if caught is None:
                missed += 1
                print(f"{name:54}  NOT CAUGHT within {within} seeds", flush=True)
            else:
                kinds = ", ".join(f"{kind} {count}" for kind, count in caught.kinds.items())
                print(f"{name:54}  seed {caught.seed:2}  {kinds}\n    {caught.text}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else WITHIN) > 0)
