"""One program at a time on one file."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class _Held:
    """A lock file that this program has locked, and how many want it so."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.wanted = 1


_held: dict[tuple[int, int, int], _Held] = {}  # by process, device and inode
_guard = threading.RLock()  # a finalizer may release amid an acquisition


class FileLock:
    """A lock that a program holds until it releases it or ends, in whatever way.

    It keeps other programs out, and only on systems with POSIX locks; within one program it may be taken again.

    Args:
        path: of a file that serves nothing else; it is made, and stays. It names the process that has the lock.

    Raises:
        BlockingIOError: another program holds the lock. The message says which process, if that is known.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        with _guard:
            self._key: tuple[int, int, int] | None = _acquire(path)

    def release(self) -> None:
        """Let others have it. Doing it twice is harmless."""
        with _guard:
            key, self._key = self._key, None
            if key is None:
                return
            held = _held[key]
            held.wanted -= 1
            if not held.wanted:
                del _held[key]
                held.file.close()


def _acquire(path: Path) -> tuple[int, int, int]:
    # POSIX drops a process's lock when it closes any of its descriptors of the file: so there is only one.
    with contextlib.suppress(FileNotFoundError):
        key = _key(path.stat())
        if key in _held:
            _held[key].wanted += 1
            return key
    file: IO[bytes] = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed by release()
    if fcntl is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            pid = file.read(20).decode(errors="replace").strip()
            file.close()
            which = f" (process {pid})" if pid.isdecimal() else ""
            raise BlockingIOError(f"{path} is locked by another program{which}") from error
        with contextlib.suppress(OSError):  # on a full disk it is locked without a name
            file.truncate(0)
            file.write(b"%d\n" % os.getpid())
    key = _key(os.fstat(file.fileno()))
    _held[key] = _Held(file)
    return key


def _key(status: os.stat_result) -> tuple[int, int, int]:
    return os.getpid(), status.st_dev, status.st_ino


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    with contextlib.suppress(PermissionError):  # Windows does not open folders
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
