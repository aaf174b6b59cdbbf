"""Imports point one way: from features towards the wire, never back."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What each part may import of ours. `realtime/__init__.py` re-exports and is nobody's dependency.
ALLOWED = {
    "realtime.protocol": set(),
    "realtime.utils": set(),
    "realtime.connection": {"realtime.protocol", "realtime.utils"},
    "realtime.chat": {"realtime.connection", "realtime.protocol.errors", "realtime.utils"},
    "realtime.location": {"realtime.connection", "realtime.protocol.errors", "realtime.utils"},
    "realtime.presence": {"realtime.connection", "realtime.protocol.errors", "realtime.utils"},
    "realtime.notifications": {"realtime.chat", "realtime.connection", "realtime.protocol.errors", "realtime.utils"},
    "realtime.server": {
        "realtime.protocol",
        "realtime.utils",
        "realtime.location.fix",  # pure, as these are: positions are judged alike on both sides
        "realtime.location.geofence",
        "realtime.location.geofence_monitor",
        "realtime.location.plausibility",
    },
    "realtime.network": {"realtime.protocol.errors", "realtime.utils"},
    "realtime.sim": {"realtime.network", "realtime.protocol.errors", "realtime.utils"},
    "realtime.lab": {"realtime"},
    "realtime.hooks": {
        "realtime.chat",
        "realtime.connection",
        "realtime.location",
        "realtime.notifications",
        "realtime.presence",
        "realtime.protocol.errors",
        "realtime.utils",
    },
    "realtime.cli": {"realtime"},
    "realtime.__main__": {"realtime.cli"},
    "realtime": {"realtime"},
    "widgets": {
        "realtime.chat",
        "realtime.connection",
        "realtime.lab",
        "realtime.location",
        "realtime.network",
        "realtime.notifications",
        "realtime.presence",
        "realtime.utils",
    },
}


def part_of(module: str) -> str:
    """The longest key of ALLOWED that holds ``module``."""
    return max((part for part in ALLOWED if module == part or module.startswith(part + ".")), key=len)


def our_imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in {"realtime", "widgets"}}


def modules() -> list[tuple[str, Path]]:
    paths = [*(ROOT / "realtime").rglob("*.py"), *(ROOT / "widgets").rglob("*.py")]
    return [
        (".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path)
        for path in sorted(paths)
    ]


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_module_imports_only_what_lies_closer_to_the_wire(module, path):
    own = part_of(module)
    for imported in our_imports(path):
        inside = imported == own or imported.startswith(own + ".")
        allowed = any(imported == part or imported.startswith(part + ".") for part in ALLOWED[own])
        assert inside or allowed, f"{module} must not import {imported}"
