"""Which scenario is meant, and under which network: what ``realtime sim`` and ``realtime campaign`` share."""

from __future__ import annotations

import argparse
import difflib
import traceback
from pathlib import Path
from typing import NamedTuple

from realtime.commands.errors import CommandError
from realtime.protocol.errors import RealtimeError

HELP_SCENARIO = "built in: {names}; or path/file.py[:function], or package.module:function; the function is main"


class BuiltIn(NamedTuple):
    """A scenario that comes with the package."""

    reference: str
    title: str


class Named(NamedTuple):
    """A scenario, and how its user calls it."""

    name: str
    reference: str


BUILT_IN = {
    "echo": BuiltIn("realtime.lab.scenarios.echo:main", "1000 round trips of a WebSocket"),
    "commute": BuiltIn("realtime.lab.scenarios.commute:main", "a phone's day: rides with GPS, tunnels, hours asleep"),
    "chaos": BuiltIn("realtime.lab.scenarios.chaos:main", "several phones and rooms, every fault at random"),
    "herd": BuiltIn("realtime.lab.scenarios.herd:main", "a thousand phones lose their server, and come back"),
}


def add_scenario(parser: argparse.ArgumentParser) -> None:
    """Declare the scenario and its network."""
    parser.add_argument("scenario", metavar="SCENARIO", help=HELP_SCENARIO.format(names=", ".join(BUILT_IN)))
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--profile", metavar="NAME", help="the phones' network, such as lte, 3g or edge")
    network.add_argument("--trace", metavar="FILE", help="the phones' network, as it was recorded")


def described() -> str:
    """The built-in scenarios, for a description."""
    return "\n".join(f"  {name:9} {scenario.title}" for name, scenario in BUILT_IN.items())


def resolve(name: str) -> Named:
    """The scenario of a name, which can be loaded.

    Raises:
        CommandError: there is none, or it cannot be loaded.
    """
    from realtime.sim.scenario import ScenarioError, load_scenario

    if name in BUILT_IN:
        return Named(name, BUILT_IN[name].reference)
    if name.isidentifier() and not Path(f"{name}.py").exists():
        near = difflib.get_close_matches(name, BUILT_IN, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        known = ", ".join(sorted(BUILT_IN))
        raise CommandError(f"there is no scenario {name!r}{hint} Built in are {known}; others are file.py", status=2)
    try:
        load_scenario(name)
    except ScenarioError as error:
        raise CommandError(str(error), status=2) from error
    except Exception as error:
        reason = traceback.format_exception_only(error)[-1].strip()
        raise CommandError(f"{name} cannot be loaded: {reason}", status=2) from error
    return Named(name, name)


def check_network(options: argparse.Namespace) -> None:
    """See that profile and trace can be loaded.

    Raises:
        CommandError: they cannot.
    """
    from realtime.network.profiles import profile
    from realtime.network.traces import load_trace

    try:
        if options.profile is not None:
            profile(options.profile)
        if options.trace is not None:
            load_trace(Path(options.trace))
    except (RealtimeError, OSError) as error:
        option = "--profile" if options.profile is not None else "--trace"
        raise CommandError(f"{option}: {error}", status=2) from error
