"""The stock Node packages: installed on demand beside this file, at the versions that package.json pins."""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HERE = Path(__file__).resolve().parent
NODE_MODULES = HERE / "node_modules"
HINT = "install Node.js ≥ 18 with npm to run the stock Socket.IO server and client"


class NodeMissing(Exception):
    """There is no Node.js to run the stock packages, or they cannot be installed."""


def installed_node() -> str:
    """The path of ``node``, once the stock packages are installed.

    Raises:
        NodeMissing: says what to install, and what went wrong.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeMissing(f"{HINT}: no {'node' if node is None else 'npm'} on the PATH")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(re.match(r"v(\d+)", version)[1]) < 18:
        raise NodeMissing(f"{HINT}: this is Node.js {version}")
    with one_at_a_time():
        if not _current():
            _install(npm)
    return node


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process installs: npm breaks what two of it make at once."""
    with open(HERE / "package.json") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(npm: str) -> None:
    command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund"]
    ran = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    if ran.returncode or not _current():
        raise NodeMissing(f"{' '.join(command)} failed in {HERE}:\n{ran.stdout}{ran.stderr}")


def _current() -> bool:
    manifest = json.loads((HERE / "package.json").read_text())
    pinned = manifest["dependencies"] | manifest["overrides"]
    return all(_version(name) == version for name, version in pinned.items())


def _version(package: str) -> str | None:
    path = NODE_MODULES / package / "package.json"
    return json.loads(path.read_text())["version"] if path.exists() else None
