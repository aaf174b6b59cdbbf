"""Where a user's data lives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_NAME = "realtime-lab"


def data_folder(platform: str, environment: Mapping[str, str], home: Path) -> Path:
    """The folder for what this program keeps for its user; it need not exist.

    Args:
        platform: ``sys.platform``.
        environment: ``os.environ``.
        home: the user's home folder.
    """
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / _NAME
    if platform == "darwin":
        return home / "Library" / "Application Support" / _NAME
    shared = Path(environment.get("XDG_DATA_HOME", ""))  # XDG Base Directory Specification: absolute, or ignored
    return (shared if shared.is_absolute() else home / ".local" / "share") / _NAME
