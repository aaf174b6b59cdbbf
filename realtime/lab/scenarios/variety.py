"""What differs between runs of chaos beside the faults: how phones behave, what is written, what the server keeps."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from realtime.chat.message import MAX_TEXT
from realtime.connection.app_state import BackgroundPolicy

SHARE = 0.25
"""So many of the runs have each of the rarer traits."""
_WORDS = "so it goes "
_POLICIES = (BackgroundPolicy.DISCONNECT, BackgroundPolicy.KEEP, BackgroundPolicy.keep_for(15.0))
_CHECKPOINT_PAGES = 10, 200  # the server's own choice would see none in a run
_BACKLOG = 1024 * 1024


class Variety(NamedTuple):
    """The traits of one run.

    Args:
        policies: what each device's connection does in the background.
        longest_text: characters of a message, at most; lengths are drawn alike on a scale of logarithms. At 0 texts
            are as short as they can be.
        max_backlog: bytes that may wait for a client before the server lets go of it.
        messages_per_room: how many the server keeps; None is all.
        checkpoint_pages: how often the server's database carries its log over.
    """

    policies: Mapping[str, BackgroundPolicy]
    longest_text: int
    max_backlog: int
    messages_per_room: int | None
    checkpoint_pages: int

    @property
    def is_forgetful(self) -> bool:
        """Whether the server lets go of what it had, be it acknowledged to somebody or not."""
        return self.messages_per_room is not None

    @classmethod
    def drawn(cls, rng: random.Random, devices: Iterable[str]) -> Self:
        """From a random stream."""
        policies = {device: rng.choice(_POLICIES) for device in devices}
        is_wordy, is_forgetful = rng.random() < SHARE, rng.random() < SHARE
        return cls(
            policies,
            longest_text=MAX_TEXT if is_wordy else 0,
            max_backlog=rng.randrange(10_000, 100_000) if is_wordy else _BACKLOG,
            messages_per_room=rng.randrange(5, 15) if is_forgetful else None,
            checkpoint_pages=rng.randint(*_CHECKPOINT_PAGES),
        )

    def text(self, rng: random.Random, name: str) -> str:
        """A message that begins with its name."""
        if self.longest_text <= len(name):
            return name
        length = round(math.exp(rng.uniform(math.log(len(name)), math.log(self.longest_text))))
        return (f"{name} " + _WORDS * (length // len(_WORDS) + 1))[: max(length, len(name))]

    def server_options(self) -> dict[str, Any]:
        """Of :class:`~realtime.lab.sim_server.SimServer`."""
        kept = {} if self.messages_per_room is None else {"messages_per_room": self.messages_per_room}
        kept["checkpoint_pages"] = self.checkpoint_pages
        return {"engine_options": kept, "max_backlog": self.max_backlog}
