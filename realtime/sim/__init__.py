"""The simulated network: the real client and server, unmodified, in virtual time."""

from realtime.sim.world import Run, World, simulate

__all__ = ["Run", "World", "simulate"]
