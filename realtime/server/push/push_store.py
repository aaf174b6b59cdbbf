"""Where pushes keep what they need after a restart of the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from realtime.server.engine.base import Engine, EngineError, Note
from realtime.server.push.push_notes import KINDS

RETRY_S = 1.0
_log = logging.getLogger("realtime.push")


class PushStore(Protocol):
    """Keeps notes for the next process."""

    async def load(self) -> dict[str, list[Note]]:
        """What was kept, by kind and in the order of the keys.

        Raises:
            EngineError: it cannot be read.
        """
        ...

    def keep(self, notes: Sequence[Note], done: Callable[[], None]) -> None:
        """Keep notes, and call ``done()`` once they are durable: all of them or none."""
        ...

    def close(self) -> None:
        """Keep nothing more."""
        ...


class MemoryStore:
    """Keeps nothing: a restart forgets the tokens until the devices come back, and what waited is lost."""

    async def load(self) -> dict[str, list[Note]]:
        """See :class:`PushStore`."""
        return {kind: [] for kind in KINDS}

    def keep(self, notes: Sequence[Note], done: Callable[[], None]) -> None:
        """See :class:`PushStore`."""
        done()

    def close(self) -> None:
        """See :class:`PushStore`."""


class EngineStore:
    """Keeps notes in the engine of the server, in step with the rooms' logs.

    What cannot be stored for a while is stored later, and nobody waits for it: a push that goes out unnoted may go out
    twice after a crash, one that does not go out is of no use.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._unstored: dict[tuple[str, str], Note] = {}
        self._with_engine: dict[tuple[str, str], Note] = {}  # the newest of each key
        self._retry: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def load(self) -> dict[str, list[Note]]:
        """See :class:`PushStore`."""
        return {kind: await self._kept(kind) for kind in KINDS}

    def keep(self, notes: Sequence[Note], done: Callable[[], None]) -> None:
        """See :class:`PushStore`."""
        if self._unstored:  # in their order, and the newest of each key
            for note in notes:
                self._unstored[note.kind, note.key] = note
            done()
        else:
            self._hand_over(notes, done)

    def close(self) -> None:
        """See :class:`PushStore`."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()

    def _hand_over(self, notes: Sequence[Note], done: Callable[[], None], *, is_retry: bool = False) -> None:
        self._with_engine.update({(note.kind, note.key): note for note in notes})

        def answered(error: EngineError | None) -> None:
            newest = {key: note for note in notes if self._with_engine.get(key := (note.kind, note.key)) is note}
            for key in newest:
                del self._with_engine[key]
            if error is not None and not self._is_closed:
                if not is_retry:
                    _log.warning("what pushes need after a restart could not be stored, and will be: %s", error)
                self._unstored = newest | self._unstored
                if self._retry is None and self._unstored:
                    self._retry = asyncio.get_running_loop().call_later(RETRY_S, self._again)
            done()

        self._engine.keep(notes, answered)

    def _again(self) -> None:
        self._retry = None
        notes, self._unstored = tuple(self._unstored.values()), {}
        self._hand_over(notes, lambda: None, is_retry=True)

    async def _kept(self, kind: str) -> list[Note]:
        answer: asyncio.Future[list[Note] | EngineError] = asyncio.get_running_loop().create_future()
        self._engine.kept(kind, lambda kept: None if answer.done() else answer.set_result(kept))
        kept = await answer
        if isinstance(kept, EngineError):
            raise kept
        return kept
