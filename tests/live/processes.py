"""Processes that are killed and started again."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from typing import Any

from tests.processes import JsonChild


class Mortal:
    """A process that is started again whenever it was killed. What happens to it stands in :attr:`lines`.

    Args:
        name: of the device, or ``server``.
        command: how life number n is started.
        env: what its environment has besides.
    """

    def __init__(self, name: str, command: Callable[[int], list[str]], env: dict[str, str] | None = None) -> None:
        self.name = name
        self.lives = 0
        self.is_up = False
        self.lines: list[dict[str, Any]] = []
        self.child: JsonChild
        self._command, self._env = command, env
        self._ready: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Mortal {self.name!r} life {self.lives} {'up' if self.is_up else 'down'}>"

    async def start(self, ready: str | None = None) -> None:
        """Bring it to life.

        Args:
            ready: what it says when it is ready, which is noted; it may be killed before.
        """
        self.lives += 1
        self.child = await JsonChild(*self._command(self.lives), env=self._env).__aenter__()
        self.is_up = True
        self._note("born")
        if ready is not None:
            self._ready = asyncio.create_task(self._wait_until(ready))

    async def until_ready(self) -> None:
        """Until it has said so.

        Raises:
            AssertionError: it ended before, with all that it said.
        """
        assert self._ready is not None
        await asyncio.shield(self._ready)

    async def kill(self) -> None:
        """As the system does it: without a word, at any point of whatever it does."""
        self.is_up = False
        with contextlib.suppress(ProcessLookupError):
            self.child.signal(signal.SIGKILL)
        status = await self.child.ended()
        self._note("killed")
        if status != -signal.SIGKILL:
            raise AssertionError(f"{self.name} had ended by itself, with status {status}:\n{self.child.output}")
        if self._ready is not None:
            self._ready.cancel()
            await asyncio.gather(self._ready, return_exceptions=True)

    async def stop(self) -> None:
        """In good order, at the end."""
        if self.is_up:
            self.is_up = False
            await self.child.__aexit__()

    async def _wait_until(self, ready: str) -> None:
        await self.child.matching(ready)
        self._note("ready")

    def _note(self, kind: str) -> None:
        self.lines.append({"ns": time.monotonic_ns(), "device": self.name, "kind": kind})
