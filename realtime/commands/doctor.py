"""``realtime doctor``: what is installed, what is missing, and the command that adds it."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

HELP = "show what is installed, what is missing, and how to add it"
DESCRIPTION = """Shows the versions of what is installed, which optional parts are missing, and the command that
adds each. The exit status is 0 unless the base itself is broken."""

DISTRIBUTION = "realtime-lab"
PURPOSES = {
    "base": "client, server, proxy",
    "lab": "notebooks and widgets",
    "server": "a faster event loop, metrics, pushes",
    "geo": "geofences and GPX tracks",
    "hooks": "components in reacton",
    "cluster": "the benchmark against NATS",
    "test": "running the tests",
    "node": "tests and benchmark against the stock Socket.IO",
    "chromium": "tests in a browser",
}
_REPAIR = f"pip install --force-reinstall {DISTRIBUTION}"
_NODE_COMMAND = "apt install nodejs npm (or https://nodejs.org), version 18 or newer"
_CHROMIUM_COMMAND = "python -m playwright install --with-deps chromium"
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the installation.

    Args:
        name: ``base``, an extra, or a program.
        present: whether all of it is here.
        versions: what is here, by distribution or program.
        missing: what is not.
        command: what adds the missing; empty if nothing is.
    """

    name: str
    present: bool
    versions: dict[str, str]
    missing: tuple[str, ...]
    command: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime doctor``."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the report; 1 if the base is broken, else 0."""
    parts = report(_requirements(), _version, node=find_node(), chromium=find_chromium(), platform=sys.platform)
    broken = _what_breaks(parts[0])
    own = _version(DISTRIBUTION) or "(not installed as a distribution)"
    python = platform.python_version()
    if options.json:
        told = {"version": own, "python": python, "platform": platform.platform(), "broken": broken}
        print(json.dumps(told | {"parts": [asdict(part) for part in parts]}, indent=2))
    else:
        print(f"{DISTRIBUTION} {own}, Python {python}, {platform.platform()}\n")
        print("\n".join(_lines(parts)))
        if broken:
            print(f"\nThe base is broken: {broken}\n  repair it: {_REPAIR}")
    return 1 if broken else 0


def report(
    requirements: Iterable[str],
    version: Callable[[str], str | None],
    *,
    node: str | None,
    chromium: str | None,
    platform: str,
) -> list[Part]:
    """What is here and what is missing.

    Args:
        requirements: of the distribution, as its metadata has them.
        version: the installed version of a distribution, or None.
        node: version of Node.js, or None.
        chromium: path of a Chromium, or None.
        platform: as ``sys.platform``.
    """
    parts = []
    for extra, names in extras(requirements, platform=platform).items():
        versions = {name: found for name in names if (found := version(name)) is not None}
        missing = tuple(name for name in names if name not in versions)
        command = f"pip install '{DISTRIBUTION}[{extra}]'" if extra else _REPAIR
        parts.append(Part(extra or "base", not missing, versions, missing, command if missing else ""))
    return [
        *parts,
        _program("node", node, _NODE_COMMAND),
        _program("chromium", chromium, _CHROMIUM_COMMAND),
    ]


def extras(requirements: Iterable[str], *, platform: str) -> dict[str, list[str]]:
    """The distributions of the base (under ``""``) and of each extra, without those not made for this platform."""
    found: dict[str, list[str]] = {"": []}
    for requirement in requirements:
        specifier, _, marker = requirement.partition(";")
        if "sys_platform != 'win32'" in marker.replace('"', "'") and platform == "win32":
            continue
        extra = re.search(r"""extra == ['"]([\w-]+)""", marker)
        name = re.match(r"[\w.-]+", specifier)
        if name is not None:
            found.setdefault(extra[1] if extra else "", []).append(name[0])
    return {extra: sorted(names) for extra, names in sorted(found.items())}


def find_node() -> str | None:
    """The version of Node.js on the PATH, if it is new enough for the stock Socket.IO packages."""
    node = shutil.which("node")
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    found = re.match(r"v((\d+)\.\S+)", said)
    return found[1] if found and int(found[2]) >= 18 else None


def find_chromium() -> str | None:
    """The path of a Chromium: one on the PATH, else the newest that Playwright has downloaded."""
    for name in _CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    caches = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    cache = Path.home() / caches.get(sys.platform, ".cache") / "ms-playwright"
    downloads = sorted(Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", cache)).glob("chromium-*"))
    return str(downloads[-1]) if downloads else None


def _program(name: str, found: str | None, command: str) -> Part:
    if found is None:
        return Part(name, False, {}, (name,), command)
    return Part(name, True, {name: found}, (), "")


def _lines(parts: list[Part]) -> Iterable[str]:
    for part in parts:
        here = ", ".join(f"{name} {version}" for name, version in part.versions.items())
        yield f"{'ok     ' if part.present else 'missing'} {part.name:<9} {PURPOSES.get(part.name, '')}"
        if here:
            yield f"          here: {here}"
        if part.missing:
            yield f"          missing: {', '.join(part.missing)}"
            yield f"          add it: {part.command}"


def _what_breaks(base: Part) -> str:
    """Why the base does not work; empty if it does."""
    if not base.versions or base.missing:
        return f"missing: {', '.join(base.missing) or DISTRIBUTION}"
    for module in (*base.versions, "realtime.connection.socket_manager", "realtime.server.realtime_server"):
        try:
            importlib.import_module(module)
        except Exception as error:
            return f"{module} cannot be imported: {error}"
    return ""


def _requirements() -> list[str]:
    try:
        return metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
