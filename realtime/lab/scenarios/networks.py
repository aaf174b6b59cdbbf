"""The network that a user of a scenario asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from realtime.network.traces import load_trace

if TYPE_CHECKING:
    from realtime.sim.world import World


def give_network(world: World, host: str, profile: str | None, trace: str | None) -> None:
    """Let a host have a profile, or follow a trace, or leave it as it is.

    Args:
        world: where the host is.
        host: its name.
        profile: the name of a profile.
        trace: the path of a trace.

    Raises:
        ProfileError: there is no such profile.
        TraceError: the file is no trace.
    """
    if profile is not None:
        world.set_profile(host, profile)
    if trace is not None:
        world.follow(host, load_trace(Path(trace)))
