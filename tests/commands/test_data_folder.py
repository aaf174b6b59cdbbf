"""Where a user's data lives, by the customs of each system."""

from pathlib import Path

import pytest

from realtime.commands.data_folder import data_folder

HOME = Path("/home/ana")
CUSTOMS = [
    ("linux", {}, "/home/ana/.local/share/realtime-lab"),
    ("linux", {"XDG_DATA_HOME": "/data"}, "/data/realtime-lab"),
    ("linux", {"XDG_DATA_HOME": "relative"}, "/home/ana/.local/share/realtime-lab"),  # the specification ignores it
    ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/ana/Library/Application Support/realtime-lab"),
    ("win32", {"LOCALAPPDATA": "/local"}, "/local/realtime-lab"),
    ("win32", {}, "/home/ana/AppData/Local/realtime-lab"),
]


@pytest.mark.parametrize(("platform", "environment", "folder"), CUSTOMS, ids=range(len(CUSTOMS)))
def test_each_system_has_its_place(platform, environment, folder):
    assert data_folder(platform, environment, HOME) == Path(folder)
