"""``realtime serve``: the server for phones, apps and notebooks on this machine."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.commands.data_folder import data_folder
from realtime.commands.errors import CommandError
from realtime.commands.foreground import cannot_listen, new_event_loop, run_until_stopped
from realtime.commands.push_gateways import add_push_arguments, gateways_of
from realtime.server.admission import HANDSHAKES_PER_S

if TYPE_CHECKING:
    from realtime.server.engine.base import Engine

HELP = "run the server until Ctrl+C"
DESCRIPTION = """Runs the realtime server, a Socket.IO server (WebSocket only), until Ctrl+C or SIGTERM.
What it has acknowledged is in a file and survives any crash. Prints one line when it is ready.
On the same port, over plain HTTP: /healthz, /metrics (Prometheus), /api/rooms/<room>/messages"""

_OTHER_STORE = "another store is --store sqlite:PATH, or --store memory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime serve``."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument(
        "--allow-unauthenticated", action="store_true", help="serve other machines, believing whoever they say they are"
    )
    parser.add_argument(
        "--store",
        metavar="memory|sqlite:PATH",
        help="where rooms are kept (default: a file in the user's data folder, named at the start)",
    )
    parser.add_argument(
        "--keep-messages",
        type=_above_zero,
        metavar="N",
        help="messages kept of each room, at least; older ones are forgotten (default: 100000, in memory 10000)",
    )
    parser.add_argument(
        "--keep-days", type=_days, metavar="DAYS", help="messages older than this are forgotten (default: none is)"
    )
    parser.add_argument(
        "--handshakes-per-s",
        type=_count,
        default=HANDSHAKES_PER_S,
        metavar="N",
        help="clients that may come in within a second, 0 for any number; others are told when to come again "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--events-per-s",
        type=_count,
        default=0,
        metavar="N",
        help="events that one client may send within a second, in a burst five times as many; it is told to send "
        "others again later; 0 for any number (default: %(default)s)",
    )
    add_push_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop.

    Raises:
        CommandError: the store cannot be used or not keep what it should, or the port is taken.
    """
    store = _checked_store(options.store)
    if store is None and options.keep_days is not None:
        raise CommandError("--keep-days needs a file; use --store sqlite:PATH, or --keep-messages", status=2)

    async def work(stopped: asyncio.Event) -> None:
        await _serve(options, store, stopped)

    run_until_stopped(work, loop_factory=new_event_loop)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _above_zero(text: str) -> int:
    if not (number := _count(text)):
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days") from None
    if not 0 < days < math.inf:
        raise argparse.ArgumentTypeError("it must be above 0")
    return days


def _default_path() -> Path:
    return data_folder(sys.platform, os.environ, Path.home()) / "rooms.db"


def _checked_store(store: str | None) -> Path | None:
    """The path of the database; None is memory."""
    if store is None:
        path = _default_path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{path.parent} cannot be made: {error.strerror}; {_OTHER_STORE}") from error
        return path
    if store == "memory":
        return None
    kind, _, path_text = store.partition(":")
    if kind == "sqlite" and path_text:
        return Path(path_text).expanduser().absolute()
    why = {"sqlite": "the path is missing", "nats": "not in this version"}.get(kind, "no such store")
    raise CommandError(f"--store {store}: {why}; use --store sqlite:PATH, or --store memory", status=2)


def _engine(store: Path | None, options: argparse.Namespace) -> Engine:
    from realtime.server.engine.memory import MemoryEngine
    from realtime.server.engine.sqlite import SqliteEngine

    kept = {} if options.keep_messages is None else {"messages_per_room": options.keep_messages}
    if store is None:
        return MemoryEngine(**kept)
    max_age_s = None if options.keep_days is None else options.keep_days * 24 * 3600
    return SqliteEngine(store, max_age_s=max_age_s, **kept)


async def _serve(options: argparse.Namespace, store: Path | None, stopped: asyncio.Event) -> None:
    from realtime.server.engine.base import EngineError
    from realtime.server.errors import ServerStartError
    from realtime.server.push.push_service import PushService
    from realtime.server.push.web_push_gateway import WebPushGateway
    from realtime.server.realtime_server import RealtimeServer

    gateways = gateways_of(options, os.environ)
    host, port, unauthenticated = options.host, options.port, options.allow_unauthenticated
    try:
        server = RealtimeServer(
            host=host,
            port=port,
            engine=_engine(store, options),
            allow_unauthenticated=unauthenticated,
            handshakes_per_s=options.handshakes_per_s or None,
            events_per_s=options.events_per_s or None,
            push=PushService(gateways),
        )
        await server.start()
    except EngineError as error:
        raise CommandError(f"{error} ({_OTHER_STORE})") from error
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
        where = "memory" if store is None else f"sqlite:{store}"
        print(f"Serving {server.url} (store: {where}, loop: {loop}). Ctrl+C stops.", flush=True)
        if isinstance(web := gateways.get("web"), WebPushGateway):
            print(f"Web Push: the applicationServerKey of pages is {web.public_key}", flush=True)
        await stopped.wait()
    finally:
        await server.stop()
