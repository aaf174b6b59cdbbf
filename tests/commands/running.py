"""Lines for a shell, run as a person would paste them."""

import os
import subprocess
from pathlib import Path

from tests.processes import REALTIME

ROOT = Path(__file__).resolve().parents[2]


def run(line, *, status=0, env=None):
    """What a command line prints, from the checkout's folder; it must end with this status."""
    path = os.pathsep.join([str(Path(REALTIME).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        line,
        shell=True,
        cwd=ROOT,
        env={**os.environ, **(env or {}), "PATH": path},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout
