"""``realtime proxy``: a bad mobile network between any app and any server."""

from __future__ import annotations

import argparse
import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from realtime.commands.errors import CommandError
from realtime.commands.foreground import cannot_listen, parse_address, run_until_stopped

if TYPE_CHECKING:  # imported where it is used: the other commands must start without it
    from realtime.network.link import LinkConditions
    from realtime.network.profiles import Profile
    from realtime.network.proxy import ChaosProxy

HELP = "put a bad mobile network between any app and any server"
DESCRIPTION = """Passes TCP connections on to a server, with the rate, delay, jitter and loss of a mobile network,
until Ctrl+C or SIGTERM. While it runs, lines on standard input change the network:
  offline, online   nothing passes; all passes again
  unplug, replug    live connections die without a word, as in a lift; new ones get through again
  reset             end all connections at once
  profile NAME      another network, for all live connections
  stats             connections and bytes so far"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime proxy``."""
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:9000", help="where apps connect (default: %(default)s)"
    )
    parser.add_argument(
        "--upstream", metavar="HOST:PORT", default="127.0.0.1:8765", help="the real server (default: %(default)s)"
    )
    parser.add_argument("--profile", metavar="NAME", help="the network, such as lte, 3g or edge (default: no limits)")


def run(options: argparse.Namespace) -> int:
    """Proxy until told to stop.

    Raises:
        CommandError: an address or the profile is wrong, or the port is taken.
    """
    from realtime.network.profiles import ProfileError, profile
    from realtime.network.proxy import ChaosProxy

    host, port = parse_address(options.listen)
    upstream_host, upstream_port = parse_address(options.upstream)
    try:
        network = None if options.profile is None else profile(options.profile)
    except ProfileError as error:
        raise CommandError(f"--profile: {error}", status=2) from error

    async def work(stopped: asyncio.Event) -> None:
        proxy = ChaosProxy(upstream_host, upstream_port, profile=network, host=host, port=port)
        try:
            await proxy.start()
        except OSError as error:
            raise cannot_listen(error, host, port, "--listen") from error
        try:
            print(f"Proxy {proxy.url} to {options.upstream}, {describe(network)}. Ctrl+C stops.", flush=True)
            _obey_standard_input(proxy)
            await stopped.wait()
        finally:
            await proxy.stop()

    run_until_stopped(work)
    return 0


def describe(network: Profile | None) -> str:
    """One line on a profile, for people."""
    if network is None:
        return "without limits"
    rates = f"down {_rate(network.down)}, up {_rate(network.up)}"
    losses = sorted({network.down.loss, network.up.loss} - {0.0})
    loss = f", loss {' and '.join(f'{100 * value:g} %' for value in losses)}" if losses else ""
    return f"profile {network.name}: {rates}, RTT {1000 * network.rtt_s:g} ms{loss}"


def obey(proxy: ChaosProxy, line: str) -> str:
    """Carry out one line of standard input; returns what to tell the person."""
    from realtime.network.profiles import ProfileError, profile

    actions: dict[str, Callable[[], object]] = {
        "offline": proxy.offline,
        "online": proxy.online,
        "unplug": proxy.unplug,
        "replug": proxy.replug,
        "reset": proxy.reset,
    }
    word, _, name = line.strip().partition(" ")
    if word == "stats":
        stats = proxy.stats
        return (
            f"{stats.connections} open of {stats.accepted} connections, "
            f"{stats.bytes_up} bytes up, {stats.bytes_down} bytes down"
        )
    if word == "profile":
        try:
            chosen = profile(name.strip())
        except ProfileError as error:
            return str(error)
        proxy.set_profile(chosen)
        return describe(chosen)
    if word not in actions:
        return f"say one of: {', '.join(actions)}, profile NAME, stats"
    actions[word]()
    return word if word == "reset" else proxy.state


def _rate(conditions: LinkConditions) -> str:
    if conditions.rate_bps is None:
        return "unlimited"
    if conditions.rate_bps >= 1_000_000:
        return f"{conditions.rate_bps / 1_000_000:g} Mbit/s"
    return f"{conditions.rate_bps / 1000:g} kbit/s"


def _obey_standard_input(proxy: ChaosProxy) -> None:
    """Read lines on a thread of their own: a terminal cannot be waited for on every platform's loop."""
    loop = asyncio.get_running_loop()

    def answer(line: str) -> None:
        print(obey(proxy, line), flush=True)

    def read() -> None:
        # Unbuffered: a thread that waits in a buffered read at exit would crash the interpreter.
        with open(0, "rb", buffering=0, closefd=False) as lines:
            for line in iter(lines.readline, b""):
                if text := line.decode(errors="replace").strip():
                    loop.call_soon_threadsafe(answer, text)

    threading.Thread(target=read, name="standard input", daemon=True).start()
