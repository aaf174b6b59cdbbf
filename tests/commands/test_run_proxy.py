"""`realtime proxy`: someone's app, someone's server, and a bad network in between."""

import asyncio
import contextlib
import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from realtime.commands.run_proxy import describe
from realtime.network.link import NS, LinkConditions
from realtime.network.profiles import Profile, profile
from realtime.network.rate_trace import RateTrace
from realtime.network.traces import Trace
from tests.processes import REALTIME, Child

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]


async def echo(reader, writer):
    with contextlib.suppress(ConnectionResetError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@pytest.fixture
async def upstream():
    """The address of an echo server."""
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def trace_file(tmp_path):
    """A mahimahi trace: a packet of 1500 bytes every 10 ms, 1.2 Mbit/s."""
    path = tmp_path / "tram.mahi"
    path.write_text("".join(f"{ms}\n" for ms in range(10, 1001, 10)))
    return path


def proxy_to(upstream, *options):
    return Child(REALTIME, "proxy", "--listen", "127.0.0.1:0", "--upstream", upstream, *options, cwd=ROOT)


async def connected(child):
    port = int((await child.matching(r"http://127\.0\.0\.1:(\d+)"))[1])
    return await asyncio.open_connection("127.0.0.1", port)


async def test_bytes_pass_with_the_delay_of_the_profile(upstream):
    async with proxy_to(upstream, "--profile", "lte") as child:
        reader, writer = await connected(child)
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readexactly(5), 20) == b"hello"
        assert loop.time() - began >= profile("lte").rtt_s
        writer.close()
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0
        assert child.errors == []
        assert child.lines[0].startswith("Proxy http://127.0.0.1:")
        assert f"to {upstream}, {describe(profile('lte'))}. " in child.lines[0]


def test_a_profile_is_described_in_units_for_people():
    down = LinkConditions(rate_bps=12_000_000, delay_ns=25_000_000)
    up = LinkConditions(rate_bps=768_000, delay_ns=40_000_000, loss=0.015)
    assert describe(Profile("x", "X", down, up, "nowhere")) == (
        "profile x: down 12 Mbit/s, up 768 kbit/s, RTT 65 ms, loss 1.5 %"
    )
    assert describe(Profile("y", "Y", LinkConditions(), LinkConditions(), "nowhere")) == (
        "profile y: down unlimited, up unlimited, RTT 0 ms"
    )
    assert describe(None) == "without limits"


def test_a_trace_is_described_by_its_mean_rates():
    tram = Trace(
        name="tram",
        source="here",
        down=RateTrace([0, NS], [1_000_000, 3_000_000], 2 * NS),
        up=None,
        positions=(),
        duration_ns=2 * NS,
    )
    assert describe(None, tram) == "trace tram: down 2 Mbit/s on average; without limits otherwise"
    assert describe(profile("3g"), tram).startswith("trace tram: down 2 Mbit/s on average; profile 3g: ")


async def test_lines_on_standard_input_change_the_network(upstream):
    async with proxy_to(upstream) as child:
        reader, writer = await connected(child)
        writer.write(b"a")
        assert await asyncio.wait_for(reader.readexactly(1), 20) == b"a"
        await child.write("offline")
        await child.matching("offline")
        await child.write("online")
        await child.matching("online")
        await child.write("profile 3g")
        await child.matching("profile 3g")
        await child.write("reset")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), 20)
        writer.close()
        await child.write("dance")
        await child.matching("there is no 'dance'; say stats, profile NAME, trace FILE, offline, online, unplug")
        await child.write("profile 9g")
        await child.matching("no profile '9g'")
        await child.write("outage soon")
        await child.matching("outage takes for_s")
        await child.write("offline now")
        await child.matching("offline takes nothing")
        await child.write("partition up")
        await child.matching("partitioned")
        await child.write("repair")
        await child.matching("online")
        await child.write("change-address")
        await child.matching("change-address: done")
        await child.write("stats")
        await child.matching("0 open of 1 connections, 1 bytes up, 1 bytes down")


async def test_the_end_of_standard_input_is_not_the_end_of_the_proxy(upstream):
    async with proxy_to(upstream) as child:
        await child.matching("Proxy")
        child.close_input()
        reader, writer = await connected(child)
        writer.write(b"a")
        assert await asyncio.wait_for(reader.readexactly(1), 20) == b"a"
        writer.close()


async def test_an_unknown_profile_is_refused_with_the_names_there_are(upstream):
    async with proxy_to(upstream, "--profile", "9g") as child:
        assert await child.ended() == 2
        assert "lte" in child.errors[0]


async def test_a_port_that_is_taken_is_named(upstream):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with Child(REALTIME, "proxy", "--listen", f":{port}", "--upstream", upstream) as child:
            assert await child.ended() == 1
            assert child.errors[0].startswith(f"realtime proxy: 127.0.0.1:{port} is taken")


async def test_a_trace_is_followed(upstream, trace_file):
    async with proxy_to(upstream, "--profile", "3g", "--trace", trace_file) as child:
        await child.matching(r"trace tram: down 1\.2 Mbit/s on average; profile 3g: ")
        reader, writer = await connected(child)
        writer.write(b"a")
        assert await asyncio.wait_for(reader.readexactly(1), 20) == b"a"
        writer.close()
        await child.write(f"trace {trace_file}")
        await child.matching("^trace tram: ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--trace", "no/such.mahi"], "--trace: cannot read no/such.mahi: No such file"),
        (["--trace-up", "up.mahi"], "--trace-up goes with --trace"),
        (["--control", "0.0.0.0:0"], "--control: .*loopback address, such as 127.0.0.1"),
        (["--control", "here"], "'here' is no address"),
    ],
)
async def test_a_wrong_option_is_refused_with_what_to_do(upstream, options, words):
    async with proxy_to(upstream, *options) as child:
        assert await child.ended() == 2
        assert re.search(words, child.errors[0])


async def test_a_control_port_that_is_taken_is_named(upstream):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with proxy_to(upstream, "--control", f":{port}") as child:
            assert await child.ended() == 1
            assert child.errors[0] == (
                f"realtime proxy: 127.0.0.1:{port} is taken by another program; choose another port with --control"
            )


async def test_for_programs_everything_is_json(upstream):
    async with proxy_to(upstream, "--json", "--profile", "edge", "--control", "127.0.0.1:0", "--seed", "7") as child:
        ready = await child.find(json.loads)
        assert ready["upstream"] == upstream
        assert ready["listen"] == f"127.0.0.1:{ready['url'].rpartition(':')[2]}"
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ready["control"])
        assert (ready["label"], ready["seed"]) == ("edge", 7)
        await child.write("hold")
        assert (await child.find(lambda line: json.loads(line) if "held" in line else None))["state"] == "held"
        await child.write("dance")
        await child.matching(r'^{"error": {"message": "there is no \'dance\'')
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0


def readme_section():
    """Of the proxy."""
    return (ROOT / "README.md").read_text().split("## A bad network for your own server")[1].split("\n## ")[0]


async def test_the_readme_steers_it_with_curl(upstream):
    """Its lines are run as they stand, with other ports."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed here")
    [command] = [line for line in readme_section().splitlines() if line.startswith("realtime proxy ")]
    lines = [shlex.split(line, comments=True) for line in readme_section().splitlines() if line.startswith("curl ")]
    assert len(lines) >= 5
    free = {"127.0.0.1:9000": "127.0.0.1:0", "127.0.0.1:9001": "127.0.0.1:0", "127.0.0.1:8765": upstream}
    words = [free.get(word, word) for word in shlex.split(command)[1:]]
    async with Child(REALTIME, *words, "--json", cwd=ROOT) as child:
        port = (await child.find(json.loads))["control"].rpartition(":")[2]
        for _, *arguments in lines:
            arguments = [word.replace("localhost:9001", f"localhost:{port}") for word in arguments]
            run = await asyncio.to_thread(
                subprocess.run,
                [
                    curl,
                    "--silent",
                    "--show-error",
                    "--fail-with-body",
                    "--noproxy",
                    "*",
                    "--max-time",
                    "20",
                    *arguments,
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
            )
            assert run.returncode == 0, (arguments, run.stdout, run.stderr)
            assert json.loads(run.stdout)


async def test_every_request_that_the_readme_lists_is_there(upstream):
    from realtime.network.control_api import REQUESTS

    listed = re.findall(r"`(GET|PUT|PATCH|POST) (/[^\s`]*)", readme_section())
    assert sorted(listed) == sorted((method, path) for path, (method, _) in REQUESTS.items())
