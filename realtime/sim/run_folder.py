"""The temporary folder of a run: one that was killed leaves it to the next run to remove."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from realtime.utils import ambient
from realtime.utils.file_lock import FileLock

PREFIX = "realtime-sim-"
LOCK = "lock"
OLD_S = 3600.0
"""A folder without a lock may be one that is just being made; after so long it is not."""

_swept: set[Path] = set()
_own: set[Path] = set()  # a lock does not keep the process out that has it


class RunFolder:
    """A new folder, which is in use as long as this process lives; you should :meth:`remove` it.

    Args:
        parent: where it is made; what killed processes left there is removed, once in the life of this one.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, parent: Path) -> None:
        if parent not in _swept:
            _swept.add(parent)
            sweep(parent)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        _own.add(self.path)
        self._lock = FileLock(self.path / LOCK)

    def remove(self) -> None:
        """Remove it with all that is in it. Doing it twice is harmless."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)  # Windows keeps a file that is open
        _own.discard(self.path)


def sweep(parent: Path) -> None:
    """Remove the folders of runs that were killed."""
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(parent)):
            path = Path(entry.path)
            if entry.name.startswith(PREFIX) and path not in _own and entry.is_dir(follow_symlinks=False):
                _sweep_one(path)


def _sweep_one(path: Path) -> None:
    """Remove it unless somebody uses it."""
    try:
        if not (path / LOCK).exists():
            if ambient.wall_time_ms() / 1000 - path.stat().st_mtime > OLD_S:
                shutil.rmtree(path, ignore_errors=True)
            return
        lock = FileLock(path / LOCK)
    except OSError:  # it is in use, or somebody else's, or was removed just now
        return
    shutil.rmtree(path, ignore_errors=True)
    lock.release()
