"""A command in the foreground runs until it is told to stop."""

import asyncio
import signal
import sys

import pytest

from realtime.commands.errors import CommandError
from realtime.commands.foreground import new_event_loop, parse_address
from tests.processes import Child

WAITING = """
from realtime.commands.foreground import run_until_stopped
async def work(stopped):
    print("ready", flush=True)
    await stopped.wait()
    print("cleaned up", flush=True)
run_until_stopped(work)
print("after", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_work_in_good_order(number):
    async with Child(sys.executable, "-c", WAITING) as child:
        await child.matching("ready")
        child.signal(number)
        assert await child.ended() == 0
        assert child.lines == ["ready", "cleaned up", "after"]
        assert child.errors == []


def test_the_loop_is_uvloop_where_it_is_installed():
    uvloop = pytest.importorskip("uvloop", reason="install uvloop: pip install 'realtime-lab[server]'")
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, uvloop.Loop)


def test_without_uvloop_the_loop_is_asyncios_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    loop.close()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert type(loop).__module__.startswith("asyncio.")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("example.org:80", ("example.org", 80)),
        (":9000", ("127.0.0.1", 9000)),
        ("9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "localhost", "localhost:http", "localhost:70000", "localhost:-1", "::1:9000"])
def test_a_wrong_address_is_refused(text):
    with pytest.raises(CommandError, match="HOST:PORT") as raised:
        parse_address(text)
    assert raised.value.status == 2
