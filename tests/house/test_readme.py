"""What the README shows works as printed."""

import asyncio
import re
from pathlib import Path

import pytest

import realtime
from realtime.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
FIRST, SECOND = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


async def test_the_five_lines_send_a_message():
    server = realtime.RealtimeServer(port=0)
    async with server:
        lines = FIRST.replace("http://127.0.0.1:8765", server.url)
        imports, body = lines.split("\n\n", 1)
        scope = {}
        exec(
            f"{imports}\nasync def run():\n    " + body.strip().replace("\n", "\n    ") + "\n    return message", scope
        )
        message = await asyncio.wait_for(scope["run"](), 10)
    assert (message.text, message.status) == ("on my way", "sent")


def test_the_tunnel_holds_the_message_until_its_end_and_repeats_itself():
    scope = {}
    exec(SECOND, scope)
    first = scope["run"]
    exec(SECOND, scope)
    assert first.result > 42
    assert scope["run"].hash == first.hash


def test_every_command_of_the_readme_exists():
    assert set(re.findall(r"^\| `realtime (\w+)` \|", README, re.MULTILINE)) == set(COMMANDS)


async def test_the_table_of_events_has_every_event_of_the_server():
    rows = re.findall(r"^\| (`[a-z]+:.*?) \|", README, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z]+:[a-z]+)`", row)]
    assert sorted(named) == sorted(realtime.RealtimeServer(port=0).namespace("/").events.built_in)


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)]+)\)", README))
def test_every_file_that_the_readme_points_to_is_there(path):
    assert (ROOT / path).exists()
