"""Servers that are measured: each on a core of its own, where there are two, from its ready line to the end."""

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.node_packages import NODE_MODULES

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Running:
    """A server that is up."""

    pid: int
    port: int


def cores() -> tuple[list[str], list[str]]:
    """The commands that put the servers on one core and the load on another; empty where that cannot be."""
    available = sorted(os.sched_getaffinity(0))
    taskset = subprocess.run(["sh", "-c", "command -v taskset"], capture_output=True, text=True).stdout.strip()
    if len(available) < 2 or not taskset:
        return [], []
    return [taskset, "-c", str(available[-1])], [taskset, "-c", str(available[0])]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[Running]:
    """A server from its ready line until the block is left."""
    environment = os.environ | {"NODE_PATH": str(NODE_MODULES), "NODE_ENV": "production"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found is None:
                raise SystemExit(f"{' '.join(command)} did not start: {line!r}")
            yield Running(process.pid, int(found[1]))
        finally:
            process.kill()
