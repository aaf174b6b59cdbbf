"""What a process was told, on file before anything else is done about it: a kill takes none of it back."""

import json
import os
import time
from pathlib import Path
from typing import Any


class Diary:
    """One life of one process, a JSON line for each thing that happened.

    A line is with the kernel when :meth:`note` returns, so the death of the process does not undo it.

    Args:
        path: of the file; each life has its own.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, kind: str, **what: Any) -> None:
        """Something happened just now, by the clock that all processes of a machine share."""
        line = {"ns": time.monotonic_ns(), "kind": kind, **what}
        os.write(self._file, json.dumps(line).encode() + b"\n")


def read_diary(path: Path) -> list[dict[str, Any]]:
    """The lines of a life; one that its kill cut short was not written."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]
