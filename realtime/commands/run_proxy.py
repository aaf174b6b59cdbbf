"""``realtime proxy``: a bad mobile network between any app and any server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.commands.errors import CommandError
from realtime.commands.foreground import cannot_listen, parse_address, run_until_stopped

if TYPE_CHECKING:  # imported where it is used: the other commands must start without it
    from realtime.network.control_api import ControlApi
    from realtime.network.link import LinkConditions
    from realtime.network.profiles import Profile
    from realtime.network.proxy import ChaosProxy
    from realtime.network.proxy_actions import Act
    from realtime.network.traces import Trace

HELP = "put a bad mobile network between any app and any server"
DESCRIPTION = """Passes TCP connections on to a server, with the rate, delay, jitter, loss and radio of a mobile
network, until Ctrl+C or SIGTERM. While it runs, lines on standard input change the network:
  offline, online         nothing passes; all passes again
  unplug, replug          live connections die without a word, as in a lift; new ones work again
  outage SECONDS          nothing passes for so long
  partition [down|up]     nothing passes, both ways or one way (down is towards the apps)
  repair                  ends partitions
  hold, release           what arrives waits; it arrives at once
  nat-expire              live connections die without a word; new ones work
  change-address          the same, as from another network
  reset                   ends all connections at once
  profile NAME            another network, for all live connections
  trace FILE              rates from a recorded network
  stats                   connections and bytes so far

With --control the same is asked for over HTTP, in JSON, from this machine only:
  curl localhost:9001                                          tells everything
  curl localhost:9001/profiles                                 lists the networks
  curl -X PUT localhost:9001/profile -d '{"name": "3g"}'       null is no limits
  curl -X PUT localhost:9001/trace -d '{"path": "tram.csv"}'
  curl -X PATCH localhost:9001/conditions -d '{"down": {"rate_kbps": 64, "loss": 0.02}}'
      rate_kbps, delay_ms, jitter_ms, loss, queue_kb; what is not given stays
  curl -X POST localhost:9001/outage -d '{"for_s": 8}'
  curl -X POST localhost:9001/partition -d '{"direction": "up"}'
  curl -X POST localhost:9001/offline                          and so on, by the words above
A change answers with the state after it, what is wrong with {"error": {"message": "what to do"}}."""

# Words of standard input that take an argument -> its name among the arguments of the action.
_ARGUMENTS = {"profile": "name", "trace": "path", "outage": "for_s", "partition": "direction"}
_SHOWN = {"profile": "NAME", "trace": "FILE", "outage": "SECONDS", "partition": "[down|up]"}
_OF_A_MOMENT = ("reset", "nat-expire", "change-address")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime proxy``."""
    parser.add_argument(
        "--listen", metavar="HOST:PORT", default="127.0.0.1:9000", help="where apps connect (default: %(default)s)"
    )
    parser.add_argument(
        "--upstream", metavar="HOST:PORT", default="127.0.0.1:8765", help="the real server (default: %(default)s)"
    )
    parser.add_argument("--profile", metavar="NAME", help="the network, such as lte, 3g or edge (default: no limits)")
    parser.add_argument(
        "--trace",
        metavar="FILE",
        type=Path,
        help="take the rates from a recorded network, over and over, and the rest from the profile",
    )
    parser.add_argument("--trace-up", metavar="FILE", type=Path, help="with mahimahi traces: the one from the apps")
    parser.add_argument("--control", metavar="HOST:PORT", help="serve the control API there, on loopback")
    parser.add_argument("--seed", metavar="N", type=int, help="draw losses, jitter and outages from this seed")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line, for programs")


def run(options: argparse.Namespace) -> int:
    """Proxy until told to stop.

    Raises:
        CommandError: an address, the profile or the trace is wrong, or a port is taken.
    """
    from realtime.network.proxy import ChaosProxy

    host, port = parse_address(options.listen)
    upstream_host, upstream_port = parse_address(options.upstream)
    control = None if options.control is None else parse_address(options.control)
    network, trace = _network(options), _trace(options)

    async def work(stopped: asyncio.Event) -> None:
        rng = None if options.seed is None else random.Random(options.seed)
        try:
            proxy = ChaosProxy(
                upstream_host, upstream_port, profile=network, trace=trace, host=host, port=port, rng=rng
            )
        except ValueError as error:
            raise CommandError(f"--trace: {error}", status=2) from error
        async with contextlib.AsyncExitStack() as stack:
            api = None if control is None else _control_api(proxy, *control)
            try:
                await stack.enter_async_context(proxy)
            except OSError as error:
                raise cannot_listen(error, host, port, "--listen") from error
            if api is not None:
                try:
                    await stack.enter_async_context(api)
                except OSError as error:
                    raise cannot_listen(error, api.host, api.port, "--control") from error
            print(_ready(proxy, api, options), flush=True)
            _obey_standard_input(proxy, as_json=options.json)
            await stopped.wait()

    run_until_stopped(work)
    return 0


def describe(network: Profile | None, trace: Trace | None = None) -> str:
    """One line on a network, for people."""
    if trace is not None:
        rates = {"down": trace.down, "up": trace.up}
        means = ", ".join(f"{way} {_rate(rate.mean_bps)}" for way, rate in rates.items() if rate is not None)
        otherwise = "without limits otherwise" if network is None else describe(network)
        return f"trace {trace.name}: {means} on average; {otherwise}"
    if network is None:
        return "without limits"
    figures = f"down {_constant(network.down)}, up {_constant(network.up)}"
    losses = sorted({network.down.loss, network.up.loss} - {0.0})
    loss = f", loss {' and '.join(f'{100 * value:g} %' for value in losses)}" if losses else ""
    return f"profile {network.name}: {figures}, RTT {1000 * network.rtt_s:g} ms{loss}"


def _network(options: argparse.Namespace) -> Profile | None:
    from realtime.network.profiles import ProfileError, profile

    try:
        return None if options.profile is None else profile(options.profile)
    except ProfileError as error:
        raise CommandError(f"--profile: {error}", status=2) from error


def _trace(options: argparse.Namespace) -> Trace | None:
    if options.trace is None and options.trace_up is not None:
        raise CommandError("--trace-up goes with --trace, which names the trace towards the apps", status=2)
    if options.trace is None:
        return None
    from realtime.network.traces import TraceError, load_mahimahi, load_trace

    try:
        if options.trace_up is None:
            return load_trace(options.trace)
        return load_mahimahi(options.trace, options.trace_up)
    except TraceError as error:
        raise CommandError(f"--trace: {error}", status=2) from error
    except OSError as error:
        raise CommandError(f"--trace: cannot read {error.filename}: {error.strerror}", status=2) from error


def _control_api(proxy: ChaosProxy, host: str, port: int) -> ControlApi:
    from realtime.network.control_api import ControlApi, ControlApiError

    try:
        return ControlApi(proxy, host=host, port=port)
    except ControlApiError as error:
        raise CommandError(f"--control: {error}", status=2) from error


def _ready(proxy: ChaosProxy, api: ControlApi | None, options: argparse.Namespace) -> str:
    if options.json:
        told = {
            "listen": proxy.address,
            "url": proxy.url,
            "upstream": options.upstream,
            "control": None if api is None else api.url,
            "label": proxy.label,
            "seed": options.seed,
        }
        return json.dumps(told)
    control = "" if api is None else f" Control at {api.url}."
    return f"Proxy {proxy.url} to {options.upstream}, {describe(proxy.profile, proxy.trace)}.{control} Ctrl+C stops."


# -- standard input


def prepare(line: str) -> Act:
    """Understand one line of standard input; the returned function does it, on the proxy's loop.

    This may read a file.

    Raises:
        ActionError: it cannot be understood.
    """
    from realtime.network.proxy_actions import ACTIONS, ActionError, action

    word, _, argument = (part.strip() for part in line.partition(" "))
    if word == "stats":
        return lambda proxy: None
    if word == "conditions" or word not in ACTIONS:
        words = [f"{name} {_SHOWN[name]}" if name in _SHOWN else name for name in ACTIONS if name != "conditions"]
        raise ActionError(f"there is no {word!r}; say stats, {', '.join(words)}")
    if not argument:
        return action(word)
    if word not in _SHOWN:
        raise ActionError(f"{word} takes nothing after it")
    return action(word, {_ARGUMENTS[word]: _number(argument) if word == "outage" else argument})


def answer(proxy: ChaosProxy, line: str, *, as_json: bool = False) -> str:
    """What to tell after a line was carried out."""
    from realtime.network.proxy_actions import state_of

    if as_json:
        return json.dumps(state_of(proxy))
    word = line.partition(" ")[0]
    if word == "stats":
        stats = proxy.stats
        return (
            f"{stats.connections} open of {stats.accepted} connections, "
            f"{stats.bytes_up} bytes up, {stats.bytes_down} bytes down"
        )
    if word in ("profile", "trace"):
        return describe(proxy.profile, proxy.trace)
    return f"{word}: done" if word in _OF_A_MOMENT else proxy.state


def _obey_standard_input(proxy: ChaosProxy, *, as_json: bool) -> None:
    """Read lines on a thread of their own: a terminal cannot be waited for on every platform's loop."""
    from realtime.network.proxy_actions import ActionError

    loop = asyncio.get_running_loop()

    def refuse(error: ActionError) -> None:
        print(json.dumps({"error": {"message": str(error)}}) if as_json else error, flush=True)

    def obey(line: str, act: Act) -> None:
        try:
            act(proxy)
        except ActionError as error:
            refuse(error)
        else:
            print(answer(proxy, line, as_json=as_json), flush=True)

    def read() -> None:
        # Unbuffered: a thread that waits in a buffered read at exit would crash the interpreter.
        with open(0, "rb", buffering=0, closefd=False) as lines:
            for raw in iter(lines.readline, b""):
                if line := raw.decode(errors="replace").strip():
                    try:
                        loop.call_soon_threadsafe(obey, line, prepare(line))
                    except ActionError as error:
                        loop.call_soon_threadsafe(refuse, error)

    threading.Thread(target=read, name="standard input", daemon=True).start()


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # whoever takes it says what it should be


def _constant(conditions: LinkConditions) -> str:
    rate = conditions.rate_bps
    return "unlimited" if rate is None else _rate(rate if isinstance(rate, int) else rate.mean_bps)


def _rate(rate_bps: float) -> str:
    if rate_bps >= 1_000_000:
        return f"{rate_bps / 1_000_000:.3g} Mbit/s"
    return f"{rate_bps / 1000:g} kbit/s"
