"""Where the data files and notebooks are: beside the packages in a checkout, inside them in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def share_path(folder: str) -> Path:
    """The folder ``data`` or ``notebooks`` that came with this installation.

    Raises:
        FileNotFoundError: the installation lacks it; install the wheel anew.
    """
    for root in (_PACKAGE / "_share", _PACKAGE.parent):
        if (root / folder).is_dir():
            return root / folder
    raise FileNotFoundError(f"{folder!r} did not come with this installation at {_PACKAGE}; reinstall realtime-lab")
