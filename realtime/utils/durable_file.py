"""Small files that are written as a whole, and survive a crash as they were before or after."""

from __future__ import annotations

import os
from pathlib import Path

from realtime.utils.file_lock import sync_folder


def read_file(path: Path) -> bytes | None:
    """What a file holds; None if there is none.

    Raises:
        OSError: it is there and cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace_file(path: Path, content: bytes | None) -> None:
    """Make this the file's content, readable for its owner alone; None: there is no file. It is durable at the return.

    Raises:
        OSError: it could not be done; the file is as it was.
    """
    if content is None:
        path.unlink(missing_ok=True)
    else:
        new = path.with_name(f"{path.name}-new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    sync_folder(path.parent)


def set_file_aside(path: Path) -> Path:
    """Rename a file to the first name that is free.

    Returns:
        The new name.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.set-aside-{number}")).exists():
        number += 1
    path.replace(aside)
    return aside
