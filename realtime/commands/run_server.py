"""``realtime serve``: the server for phones, apps and notebooks on this machine."""

from __future__ import annotations

import argparse
import asyncio

from realtime.commands.errors import CommandError
from realtime.commands.foreground import cannot_listen, new_event_loop, run_until_stopped

HELP = "run the server until Ctrl+C"
DESCRIPTION = """Runs the realtime server, a Socket.IO server (WebSocket only), until Ctrl+C or SIGTERM.
Prints one line when it is ready."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime serve``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--allow-unauthenticated", action="store_true", help="serve other machines, believing whoever they say they are"
    )
    parser.add_argument("--store", default="memory", help="where rooms are kept: memory (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop.

    Raises:
        CommandError: the store does not exist, or the port is taken.
    """
    _check_store(options.store)

    async def work(stopped: asyncio.Event) -> None:
        await _serve(options, stopped)

    run_until_stopped(work, loop_factory=new_event_loop)
    return 0


def _check_store(store: str) -> None:
    if store == "memory":
        return
    if store.startswith(("sqlite:", "nats:")):
        why = "not in this version, which keeps rooms in memory"
    else:
        why = "no such store"
    raise CommandError(f"--store {store}: {why}; use --store memory", status=2)


async def _serve(options: argparse.Namespace, stopped: asyncio.Event) -> None:
    from realtime.server.errors import ServerStartError
    from realtime.server.realtime_server import RealtimeServer

    host, port, unauthenticated = options.host, options.port, options.allow_unauthenticated
    try:
        server = RealtimeServer(host=host, port=port, allow_unauthenticated=unauthenticated)
        await server.start()
    except ServerStartError as error:
        if isinstance(error.__cause__, OSError):
            raise cannot_listen(error.__cause__, host, port, "--port") from error
        raise CommandError(
            f"{host} can be reached from other machines, and everybody is believed to be whoever they say; "
            "listen on 127.0.0.1, or accept it with --allow-unauthenticated",
            status=2,
        ) from error
    try:
        loop = type(asyncio.get_running_loop()).__module__.partition(".")[0]
        print(f"Serving {server.url} (store: memory, loop: {loop}). Ctrl+C stops.", flush=True)
        await stopped.wait()
    finally:
        await server.stop()
