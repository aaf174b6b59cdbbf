"""`realtime lab`: JupyterLab on the notebooks, without touching what the user has changed."""

import asyncio
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from realtime.commands.errors import CommandError
from realtime.commands.open_lab import copy_notebooks, jupyter_arguments, notebook_file
from tests.processes import REALTIME, Child


@pytest.fixture
def shipped(tmp_path):
    folder = tmp_path / "shipped"
    (folder / "images").mkdir(parents=True)
    (folder / "00_tour.ipynb").write_text("tour 1")
    (folder / "01_reconnection.ipynb").write_text("reconnection 1")
    (folder / "images" / "link.png").write_bytes(b"png")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "00_tour.ipynb").write_text("junk")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def test_notebooks_are_copied_with_what_they_show(shipped, tmp_path):
    assert copy_notebooks(shipped, tmp_path / "mine") == []
    assert contents(tmp_path / "mine") == {
        "00_tour.ipynb": "tour 1",
        "01_reconnection.ipynb": "reconnection 1",
        "images/link.png": "png",
    }


def test_a_newer_version_replaces_only_what_the_user_left_as_it_was(shipped, tmp_path):
    mine = tmp_path / "mine"
    copy_notebooks(shipped, mine)
    (mine / "00_tour.ipynb").write_text("tour 1, with my notes")
    (mine / "own.ipynb").write_text("my own")
    (shipped / "00_tour.ipynb").write_text("tour 2")
    (shipped / "01_reconnection.ipynb").write_text("reconnection 2")
    assert copy_notebooks(shipped, mine) == ["00_tour.ipynb"]
    assert copy_notebooks(shipped, mine) == ["00_tour.ipynb"]
    assert contents(mine) == {
        "00_tour.ipynb": "tour 1, with my notes",
        "01_reconnection.ipynb": "reconnection 2",
        "images/link.png": "png",
        "own.ipynb": "my own",
    }


def test_a_file_that_was_there_before_is_the_users(shipped, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00_tour.ipynb").write_text("something else of that name")
    assert copy_notebooks(shipped, mine) == ["00_tour.ipynb"]
    assert contents(mine)["00_tour.ipynb"] == "something else of that name"


def test_copies_can_be_written_even_if_the_shipped_files_cannot(shipped, tmp_path):
    (shipped / "00_tour.ipynb").chmod(0o444)
    copy_notebooks(shipped, tmp_path / "mine")
    assert (tmp_path / "mine" / "00_tour.ipynb").stat().st_mode & 0o200


def test_a_notebook_is_found_by_its_name_with_or_without_suffix(shipped):
    assert notebook_file(shipped, "00_tour") == notebook_file(shipped, "00_tour.ipynb") == "00_tour.ipynb"
    with pytest.raises(CommandError, match=r"there are 00_tour, 01_reconnection") as raised:
        notebook_file(shipped, "07_dance")
    assert raised.value.status == 2


def test_the_arguments_for_jupyter(tmp_path):
    arguments = jupyter_arguments(tmp_path, "00_tour.ipynb", port=None, browser=True, uid=1000)
    assert arguments == [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.default_url=/lab/tree/00_tour.ipynb",
    ]
    assert jupyter_arguments(tmp_path, "00_tour.ipynb", port=9999, browser=False, uid=0)[3:] == [
        "--ServerApp.port=9999",
        "--ServerApp.port_retries=0",
        "--no-browser",
        "--allow-root",
    ]


def test_without_jupyterlab_it_says_how_to_get_it(tmp_path):
    (tmp_path / "jupyterlab").mkdir()
    (tmp_path / "jupyterlab" / "__init__.py").write_text("raise ImportError('not here')\n")
    shown = subprocess.run(
        [REALTIME, "lab", "--no-browser"],
        capture_output=True,
        text=True,
        timeout=50,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert shown.returncode == 2
    assert shown.stderr.count("\n") == 1
    assert "pip install 'realtime-lab[lab]'" in shown.stderr


@pytest.mark.timeout(240)
async def test_the_laboratory_opens_on_the_tour_behind_a_token(tmp_path):
    environment = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    async with Child(REALTIME, "lab", "--no-browser", "--port", "0", cwd=tmp_path, env=environment) as child:
        found = await child.matching(r"(http://127\.0\.0\.1:\d+)(/\S*)\?token=(\w+)", stream="errors", deadline_s=100)
        base, path, token = found.groups()
        assert path == "/lab/tree/00_tour.ipynb"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            await fetched(f"{base}/api/contents")
        listing = await fetched(f"{base}/api/contents?token={token}")
        assert re.search(r'"00_tour\.ipynb"', listing)
        child.signal(signal.SIGTERM)
        await child.ended()
    assert list(tmp_path.glob("*.ipynb")) == []


async def fetched(url):
    """The answer; Jupyter says where it is a moment before it listens there."""

    def fetch():
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()

    async with asyncio.timeout(60):
        while True:
            try:
                return await asyncio.to_thread(fetch)
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError):
                    raise
            await asyncio.sleep(0.05)
