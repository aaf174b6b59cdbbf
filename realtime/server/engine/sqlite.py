"""The engine that keeps rooms in a file: nothing that was acknowledged is lost, whatever ends the server."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from realtime.server.engine.amendments import change_of
from realtime.server.engine.base import (
    AppendDone,
    Deliver,
    Draft,
    EngineError,
    FindDone,
    KeepDone,
    KeptDone,
    MarkDone,
    Note,
    ReadDone,
)
from realtime.server.engine.sqlite_batch import Entry, Keep, Logged, Mark, Result
from realtime.server.engine.sqlite_file import CHECKPOINT_PAGES, problem
from realtime.server.engine.sqlite_store import Query, SqliteStore
from realtime.utils import ambient
from realtime.utils.ids import new_id

MOST_AT_ONCE = 1024
"""Messages, amendments, markers and notes in one transaction."""

MOST_READS_AT_ONCE = 16
"""Pages that one turn of the worker reads: of the longest messages they have 100 MB, and nobody's commit waits long."""

MOST_WAITING = 100_000
"""So many may wait for a disk that does not keep up; beyond, they are refused."""

_SWEEPS_PER_AGE = 20
_LONGEST_SWEEP_S = 3600.0
_logger = logging.getLogger(__name__)


_Read = Callable[[SqliteStore], Any]


class _Work(NamedTuple):
    """What one turn of the worker has to do."""

    entries: Sequence[Entry]
    trims: Sequence[tuple[str, int]]
    sweep: tuple[int, int] | None
    reads: Sequence[_Read]


class _Outcome(NamedTuple):
    """What it did. An error stands for all of its kind."""

    results: Sequence[Result] | EngineError
    next_room: int | None
    found: Sequence[Any]
    errors: Sequence[EngineError]


class SqliteEngine:
    """Logs in an SQLite database, in WAL mode with an fsync per commit, so that what is answered for outlives a crash.

    Messages that arrive while one commit is under way share the next one. The database is worked on by one thread of
    its own. What goes wrong there (a full disk, a lock held by another program) is answered as an
    :class:`EngineError`, to all that waited meanwhile too, and the next message is a new attempt.

    Other programs may read the file meanwhile. They cannot open it as an engine; where one program opens it twice, the
    later one takes it over.

    Args:
        path: of the database; it is made if it is not there, in a folder that is.
        messages_per_room: this many newest messages are kept at least, and at most a quarter more.
        ids_per_room: so are message ids: a message that is retried after as many others counts as new, and one whose
            id is gone takes no amendment; so are the ids of changes.
        max_age_s: messages older than this, by the wall clock, are forgotten; their ids stay.
        lock_timeout_s: how long a write waits for another program that writes.
        checkpoint_pages: the database's log of changes (``-wal``) is carried over to it after so many pages of 4 KiB.
        synced: called, in the worker, with each file whose content has just become durable. A simulated world knows by
            it what a crash leaves (``synced=machine.disk.synced``).
        rng: source of the epoch of a new database.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        messages_per_room: int = 100_000,
        ids_per_room: int = 200_000,
        max_age_s: float | None = None,
        lock_timeout_s: float = 2.0,
        checkpoint_pages: int = CHECKPOINT_PAGES,
        synced: Callable[[Path], object] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        counts = {
            "messages_per_room": messages_per_room,
            "ids_per_room": ids_per_room,
            "checkpoint_pages": checkpoint_pages,
        }
        for name, value in counts.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if max_age_s is not None and not max_age_s > 0:
            raise ValueError(f"max_age_s must be above zero, not {max_age_s}; None keeps messages of any age")
        self.path = Path(path)
        self._rng = rng or ambient.new_random()
        self._max_age_s = max_age_s
        self._open_store = partial(
            SqliteStore,
            self.path.absolute(),
            messages_per_room=messages_per_room,
            ids_per_room=ids_per_room,
            lock_timeout_s=lock_timeout_s,
            checkpoint_pages=checkpoint_pages,
            synced=synced,
        )
        self._store: SqliteStore | None = None
        self._is_accepting = False
        self._is_working = False
        self._is_failing = False
        self._appends: list[tuple[Entry, Callable[[Any], None]]] = []
        self._reads: list[tuple[_Read, Callable[[Any], None]]] = []
        self._trims: list[tuple[str, int]] = []
        self._sweep: tuple[int, int] | None = None

    def __repr__(self) -> str:
        state = "open" if self._is_accepting else "closed"
        return f"<SqliteEngine {str(self.path)!r} {state} waiting={len(self._appends)}>"

    # Lifecycle

    async def start(self, deliver: Deliver) -> None:
        """See :meth:`Engine.start`.

        Raises:
            EngineError: the database cannot be opened, or is not ours, or is in use. It is left as it is then.
        """
        if self._store is not None:
            raise EngineError(f"{self.path}: this engine is started already; stop it first")
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._idle = asyncio.Event()
        self._idle.set()
        epoch = new_id(self._rng)[:8]
        try:
            self._store = await self._in_worker(lambda: self._open_store(epoch=epoch))
        except BaseException:
            self._executor.shutdown(wait=False)
            raise
        self._deliver = deliver
        self._is_accepting = True
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._sweep_after(0)

    async def stop(self) -> None:
        """See :meth:`Engine.stop`. Doing it twice is harmless."""
        if not self._is_accepting or self._store is None:
            return
        self._is_accepting = False
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        await self._idle.wait()
        await self._in_worker(self._store.close)
        self._executor.shutdown(wait=False)
        self._store = None

    # What the server asks

    def append(self, draft: Draft, done: AppendDone) -> None:
        """See :meth:`Engine.append`; answers when it is on the disk."""
        if draft.about is not None:
            change_of(draft)  # a mistake is told here, and keeps nobody else's message from being stored
        self._accept(draft, done)

    def mark(self, room_id: str, user_id: str, *, received: int, read: int, done: MarkDone) -> None:
        """See :meth:`Engine.mark`; answers when it is on the disk, in the order of what was logged."""
        self._accept(Mark(room_id, user_id, received, read), done)

    def read(
        self,
        room_id: str,
        done: ReadDone,
        *,
        after: int | None,
        before: int | None,
        limit: int,
        with_markers: bool = False,
    ) -> None:
        """See :meth:`Engine.read`; answers later, after what was logged before."""
        query = Query(room_id, after, before, limit, with_markers)
        self._look(partial(SqliteStore.read, query=query), done)

    def find(self, room_id: str, message_id: str, done: FindDone) -> None:
        """See :meth:`Engine.find`; answers later, after what was logged before."""
        self._look(partial(SqliteStore.find, room_id=room_id, message_id=message_id), done)

    def keep(self, notes: Sequence[Note], done: KeepDone) -> None:
        """See :meth:`Engine.keep`; answers when they are on the disk."""
        self._accept(Keep(tuple(notes)), done)

    def kept(self, kind: str, done: KeptDone) -> None:
        """See :meth:`Engine.kept`; answers later, with what was kept before."""
        self._look(partial(SqliteStore.kept, kind=kind), done)

    def _accept(self, entry: Entry, done: Callable[[Any], None]) -> None:
        if not self._is_accepting:
            done(_closed())
        elif len(self._appends) >= MOST_WAITING:
            done(EngineError("nothing was stored: the disk does not keep up; try again later"))
        else:
            self._appends.append((entry, done))
            self._wake()

    def _look(self, read: _Read, done: Callable[[Any], None]) -> None:
        if not self._is_accepting:
            done(_closed())
            return
        self._reads.append((read, done))
        self._wake()

    def trim(self, room_id: str, keep: int) -> None:
        """See :meth:`Engine.trim`."""
        if self._is_accepting:
            self._trims.append((room_id, keep))
            self._wake()

    # The worker's turns

    def _in_worker(self, call: Callable[[], Any]) -> asyncio.Future[Any]:
        return self._loop.run_in_executor(self._executor, call)

    def _wake(self) -> None:
        if not self._is_working:
            self._is_working = True
            self._idle.clear()
            # Not at once: what else arrives in this turn of the loop shares the commit.
            self._loop.call_soon(self._work, context=self._context)

    def _work(self) -> None:
        appends, self._appends = self._appends[:MOST_AT_ONCE], self._appends[MOST_AT_ONCE:]
        reads, self._reads = self._reads[:MOST_READS_AT_ONCE], self._reads[MOST_READS_AT_ONCE:]
        trims, self._trims = self._trims, []
        sweep, self._sweep = self._sweep, None
        work = _Work([entry for entry, _ in appends], trims, sweep, [read for read, _ in reads])
        assert self._store is not None
        try:
            future = self._in_worker(partial(_do, self._store, work))
        except RuntimeError as error:  # the interpreter is shutting down
            future = self._loop.create_future()
            future.set_exception(error)
        done = partial(self._worked, [done for _, done in appends], [done for _, done in reads], sweep)
        future.add_done_callback(done, context=self._context)

    def _worked(
        self,
        appends: Sequence[Callable[[Any], None]],
        reads: Sequence[Callable[[Any], None]],
        sweep: tuple[int, int] | None,
        future: asyncio.Future[_Outcome],
    ) -> None:
        outcome = _outcome(future, len(reads))
        if sweep is not None:
            self._swept(sweep, outcome.next_room)
        if isinstance(outcome.results, EngineError):
            # Behind what failed nothing may pass that was sent later.
            appends = [*appends, *(done for _, done in self._appends)]
            self._appends = []
        if self._appends or self._reads or self._trims or self._sweep:
            self._work()  # the disk works while the answers go out
        else:
            self._is_working = False
        self._note(outcome.errors)
        for done, result in zip(appends, _each(outcome.results, len(appends)), strict=True):
            self._guarded(self._answer, result, done)
        for done, found in zip(reads, outcome.found, strict=True):
            self._guarded(done, found)
        if not self._is_working:
            self._idle.set()

    def _answer(self, result: Result | EngineError, done: Callable[[Any], None]) -> None:
        if not isinstance(result, Logged):
            done(result)
            return
        if result.record is not None:
            self._deliver(result.record)
        done(result.appended)

    def _guarded(self, callback: Callable[..., None], *args: Any) -> None:
        """Whatever becomes of one answer, the others go out."""
        try:
            callback(*args)
        except Exception as error:
            self._loop.call_exception_handler({"message": f"{self!r} could not answer", "exception": error})

    def _note(self, errors: Sequence[EngineError]) -> None:
        if errors and not self._is_failing:
            _logger.error("%s: %s", self.path, errors[0])
        elif self._is_failing and not errors:
            _logger.info("%s: works again", self.path)
        self._is_failing = bool(errors)

    # Age

    def _sweep_after(self, delay_s: float) -> None:
        if self._max_age_s is not None and self._is_accepting:
            self._sweep_timer = self._loop.call_later(delay_s, self._start_sweep, context=self._context)

    def _start_sweep(self) -> None:
        assert self._max_age_s is not None
        self._sweep = (ambient.wall_time_ms() - round(self._max_age_s * 1000), 0)
        self._wake()

    def _swept(self, sweep: tuple[int, int], next_room: int | None) -> None:
        assert self._max_age_s is not None
        if next_room is None:
            self._sweep_after(min(self._max_age_s / _SWEEPS_PER_AGE, _LONGEST_SWEEP_S))
        elif self._is_accepting:
            self._sweep = (sweep[0], next_room)


def _do(store: SqliteStore, work: _Work) -> _Outcome:
    """In the worker: write, then read what is written."""
    errors: list[EngineError] = []
    results = _tried(partial(store.append, work.entries), errors) if work.entries else []
    if work.trims:
        _tried(partial(store.trim, work.trims), errors)
    next_room = _tried(partial(store.sweep, *work.sweep), errors) if work.sweep else None
    found = [_tried(partial(read, store), errors) for read in work.reads]
    return _Outcome(results, None if isinstance(next_room, EngineError) else next_room, found, errors)


def _tried(call: Callable[[], Any], errors: list[EngineError]) -> Any:
    try:
        return call()
    except BaseException as error:  # whatever it is, somebody waits for an answer
        errors.append(_explained(error))
        return errors[-1]


def _outcome(future: asyncio.Future[_Outcome], reads: int) -> _Outcome:
    """What the worker did; if it came to nothing, that is the answer to all."""
    try:
        return future.result()
    except BaseException as escaped:
        error = _explained(escaped)
        return _Outcome(error, None, [error] * reads, [error])


def _explained(error: BaseException) -> EngineError:
    return error if isinstance(error, EngineError) else EngineError(problem(error))


def _each(results: Sequence[Result] | EngineError, number: int) -> Sequence[Result | EngineError]:
    return [results] * number if isinstance(results, EngineError) else results


def _closed() -> EngineError:
    return EngineError("nothing was stored: the server is stopping")
