"""Commands that run in the foreground until they are told to stop."""

from __future__ import annotations

import asyncio
import errno
import re
import signal
from collections.abc import Awaitable, Callable

from realtime.commands.errors import CommandError

Work = Callable[[asyncio.Event], Awaitable[None]]


def run_until_stopped(work: Work, *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run ``work(stopped)`` to its end; ``stopped`` is set at SIGINT (Ctrl+C) and SIGTERM.

    Args:
        work: must return soon after ``stopped`` is set.
        loop_factory: by default asyncio's own, whose timers are finer than a millisecond.
    """

    async def main() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            _on_signal(number, stopped)
        await work(stopped)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def new_event_loop() -> asyncio.AbstractEventLoop:
    """A loop of uvloop's where that is installed, else one of asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``; the host is 127.0.0.1 unless named.

    Raises:
        CommandError: it is none of these.
    """
    found = re.fullmatch(r"(?:(?:\[(?P<v6>[^]]+)\]|(?P<host>[^:]*)):)?(?P<port>\d{1,5})", text)
    if found is None or int(found["port"]) > 65535:
        raise CommandError(f"{text!r} is no address: write HOST:PORT, such as 127.0.0.1:9000", status=2)
    return found["v6"] or found["host"] or "127.0.0.1", int(found["port"])


def cannot_listen(error: OSError, host: str, port: int, option: str) -> CommandError:
    """Why the command could not listen there, and which option chooses another place."""
    if error.errno == errno.EADDRINUSE:
        return CommandError(f"{host}:{port} is taken by another program; choose another port with {option}")
    return CommandError(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with {option}")


def _on_signal(number: signal.Signals, stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, stopped.set)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
