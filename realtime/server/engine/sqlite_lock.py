"""One program at a time on one database."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class FileLock:
    """A lock that a program holds until it releases it or ends, in whatever way.

    It keeps other programs out, and only on systems with POSIX locks; within one program it may be taken again.

    Args:
        path: of a file that serves nothing else; it is made, and stays.

    Raises:
        BlockingIOError: another program holds the lock.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = open(path, "ab")  # noqa: SIM115 - released by release()
        if fcntl is not None:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self._file.close()
                raise BlockingIOError(f"{path} is locked by another program") from error

    def release(self) -> None:
        """Let others have it. Doing it twice is harmless."""
        self._file.close()


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    with contextlib.suppress(PermissionError):  # Windows does not open folders
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
