"""The files of simulated hosts, and what a crash leaves of them.

A disk is a real directory, so any code can use it. ``os.fsync`` is answered by the simulation, in its own thread, as a
journalling file system does it:

- a file that is synced survives with the bytes that it has then, under the name that it has then;
- a folder that is synced survives with the names that it has then: what was removed or renamed stays so, and a new file
  that was not synced itself is empty;
- everything else is as before after a crash: later writes are undone, new files vanish, replaced and removed files are
  back.

Native code that syncs by itself, as SQLite does, is not seen: whoever drives it calls :meth:`Disk.synced`. Where that
takes time (:meth:`Disk.syncing`), a crash amid it leaves the old bytes, or the new ones, or some of each.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from realtime.sim.run_folder import RunFolder
from realtime.sim.substitution import Answer, Substitution
from realtime.sim.unfinished_sync import UnfinishedSync

RAM = Path("/dev/shm")
"""A file system in memory, where Linux has one: there SQLite's own fsync costs nothing."""
ROOM_BYTES = 256 * 2**20
"""It is used if so much of it is free."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")
_CAN_HOLD = os.name == "posix"  # elsewhere an open file could not be replaced or removed


class _Synced(NamedTuple):
    """The bytes of a file at its last sync."""

    data: bytes
    fd: int | None  # keeps it open, so that no other file gets its number

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)


class Disk:
    """The files of one host. What is in them must not depend on :attr:`path`, which differs from run to run.

    Args:
        host: its name, for messages.
        folder: where it will be, once somebody asks for :attr:`path`.
    """

    def __init__(self, host: str, folder: Path) -> None:
        self.host = host
        self._folder = folder
        self._files: dict[str, bytes] = {}  # what a crash leaves: path within the disk → bytes
        self._folders: set[str] = set()
        self._synced: dict[int, _Synced] = {}  # by inode number
        self._unfinished: list[UnfinishedSync] = []
        self._beginning: UnfinishedSync | None = None  # what is synced now is on its way

    @property
    def path(self) -> Path:
        """Its directory; asking for it makes it exist."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    @property
    def is_used(self) -> bool:
        """Whether it exists."""
        return self._folder.exists()

    def synced(self, path: str | os.PathLike[str]) -> None:
        """The file or folder at this path has reached the disk: call it where native code has synced by itself.

        Raises:
            FileNotFoundError: nothing is there.
            ValueError: the path leads elsewhere.
        """
        name = self._name(path)
        where = self._folder / name
        status = where.stat()
        if stat.S_ISDIR(status.st_mode):
            self._sync_folder(name)
        elif self._beginning is None:
            self._is_on_disk(where, self._all_names(name, status), where.read_bytes())
        else:
            self._beginning.files[name] = where.read_bytes()

    @contextlib.contextmanager
    def syncing(self, rng: random.Random) -> Iterator[Callable[[], None]]:
        """What is :meth:`synced` inside is on its way to the disk until you call what this gives you.

        Args:
            rng: decides what a crash leaves that comes before.
        """
        under_way = self._beginning = UnfinishedSync(rng)
        try:
            yield lambda: self._landed(under_way)
        finally:
            self._beginning = None
            if under_way.files:
                self._unfinished.append(under_way)

    def crash(self) -> None:
        """Put everything back to where it was synced. Files that are open now are cut off from the disk."""
        if not self.is_used:
            return
        for under_way in self._unfinished:
            self._files |= under_way.left(self._files)
        self._unfinished.clear()
        for entry in list(os.scandir(self._folder)):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        for name in sorted(self._folders):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._forget(keep=set())
        for name, data in self._files.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            self._remember(path, data)

    def close(self) -> None:
        """Let go of it; the files stay where they are."""
        self._forget(keep=set())

    def sync(self, status: os.stat_result) -> bool:
        """A file or folder with this status is synced; false if it is not on this disk."""
        names = list(self._names(status)) if self.is_used else []
        if not names:
            return False
        if stat.S_ISDIR(status.st_mode):
            self._sync_folder(names[0])
        else:
            path = self._folder / names[0]
            self._is_on_disk(path, names, path.read_bytes())
        return True

    def _landed(self, under_way: UnfinishedSync) -> None:
        if under_way not in self._unfinished:
            return  # a crash came before
        self._unfinished.remove(under_way)
        for name, data in under_way.files.items():
            path = self._folder / name
            if path.exists():
                self._is_on_disk(path, self._all_names(name, path.stat()), data)

    def _is_on_disk(self, path: Path, names: Sequence[str], data: bytes) -> None:
        self._remember(path, data)
        self._files |= dict.fromkeys(names, data)
        for under_way in self._unfinished:  # of a process that was killed: the system wrote it with this
            for name in names:
                under_way.files.pop(name, None)

    def _sync_folder(self, folder: str) -> None:
        prefix = f"{folder}/" if folder else ""
        entries = {prefix + entry.name: entry for entry in os.scandir(self._folder / folder)}

        def stands(name: str) -> bool:
            """Whether nothing that lay in the folder on this way has been removed from it."""
            return not name.startswith(prefix) or prefix + name.removeprefix(prefix).partition("/")[0] in entries

        self._files = {name: data for name, data in self._files.items() if stands(name)}
        self._folders = {name for name in self._folders if stands(name)} | ({folder} if folder else set())
        for name, entry in entries.items():
            if entry.is_dir(follow_symlinks=False):
                self._folders.add(name)
            elif entry.is_file(follow_symlinks=False):
                synced = self._synced.get(entry.inode())
                self._files[name] = b"" if synced is None else synced.data
        self._forget(keep=set(self._inodes().values()))

    def _remember(self, path: Path, data: bytes) -> None:
        number = path.stat().st_ino
        earlier = self._synced.get(number)
        fd = earlier.fd if earlier is not None else os.open(path, os.O_RDONLY) if _CAN_HOLD else None
        self._synced[number] = _Synced(data, fd)

    def _forget(self, *, keep: set[int]) -> None:
        for number in [number for number in self._synced if number not in keep]:
            self._synced.pop(number).close()

    def _name(self, path: str | os.PathLike[str]) -> str:
        """The path within the disk."""
        text, prefix = os.fspath(path), f"{self._folder}{os.sep}"
        name = text.removeprefix(prefix)
        if name != text and ".." not in name and "//" not in name and not os.path.islink(text):  # nearly always
            return name
        where, folder = Path(path).resolve(strict=True), self._folder.resolve()
        if not where.is_relative_to(folder):
            raise ValueError(f"{path} is not on the disk of {self.host}, which is {self._folder}")
        name = where.relative_to(folder).as_posix()
        return "" if name == "." else name

    def _all_names(self, name: str, status: os.stat_result) -> list[str]:
        return [name] if status.st_nlink == 1 else list(self._names(status))

    def _names(self, status: os.stat_result) -> Iterator[str]:
        """The paths within the disk, "" being itself, that lead to this file or folder."""
        own = self._folder.stat()
        if status.st_dev != own.st_dev:
            return
        if status.st_ino == own.st_ino:
            yield ""
        for name, number in self._inodes().items():
            if number == status.st_ino:
                yield name

    def _inodes(self, folder: str = "") -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in os.scandir(self._folder / folder):
            name = f"{folder}/{entry.name}" if folder else entry.name
            found[name] = entry.inode()
            if entry.is_dir(follow_symlinks=False):
                found |= self._inodes(name)
        return found

    def __repr__(self) -> str:
        return f"<Disk {self.host!r}{'' if self.is_used else ' unused'}>"


class Disks:
    """All disks of a run. As long as the block lasts, this thread's ``os.fsync`` reaches them."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._disks: dict[str, Disk] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        folder = RunFolder(_folder())
        self._root = folder.path
        self._stack.callback(folder.remove)
        self._stack.enter_context(_substitution.of(self))
        return self

    def __exit__(self, *exception: object) -> None:
        for disk in self._disks.values():
            disk.close()
        self._stack.close()

    def disk(self, host: str) -> Disk:
        """The disk of a host."""
        if host not in self._disks:
            if self._root is None:
                raise RuntimeError("disks exist inside `with Disks() as disks:` only")
            folder = self._root / f"{len(self._disks)}-{_NOT_IN_NAMES.sub('_', host)}"
            self._disks[host] = Disk(host, folder)
        return self._disks[host]

    def fsync(self, file: Any) -> Any:
        """What ``os.fsync`` does in this thread; for files elsewhere, ``NotImplemented``."""
        status = os.fstat(file if isinstance(file, int) else file.fileno())
        return None if any(disk.sync(status) for disk in self._disks.values()) else NotImplemented


def _folder() -> Path:
    """Where the disks of a run are made."""
    with contextlib.suppress(OSError):
        if os.access(RAM, os.W_OK | os.X_OK) and shutil.disk_usage(RAM).free >= ROOM_BYTES:
            return RAM
    return Path(tempfile.gettempdir())


def _answers() -> list[Answer]:
    names = [name for name in ("fsync", "fdatasync") if hasattr(os, name)]
    return [(os, name, Disks.fsync) for name in names]


_substitution = Substitution[Disks](_answers)
