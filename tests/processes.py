"""Real processes for tests: started, listened to line by line, and always ended."""

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

REALTIME = str(Path(sys.executable).with_name("realtime.exe" if os.name == "nt" else "realtime"))


class Child:
    """One process: ``async with Child(command…) as child``; leaving the block ends it, by force if it must.

    ``await find(…)`` looks through everything the process has printed and is still to print, up to a deadline.
    """

    patience_s = 10.0

    def __init__(self, *command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
        self.command = [str(part) for part in command]
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._cwd, self._env = cwd, env
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=self._cwd,
            env=None if self._env is None else os.environ | self._env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**22,
        )
        self._readers = asyncio.gather(
            self._read(self._process.stdout, self.lines), self._read(self._process.stderr, self.errors)
        )
        self._readers.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Ask it to end, as an operator would; after a while, do not ask."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await self.ended(deadline_s=self.patience_s)
        except TimeoutError:
            self._process.kill()
            await self.ended()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """All that the process has said so far, for a failing test to show."""
        return "\n".join([f"$ {' '.join(self.command)}", *self.lines, "--- stderr", *self.errors])

    async def find(self, look: Callable[[str], T | None], *, deadline_s: float = 30, stream: str = "lines") -> T:
        """What ``look`` makes of the first line (of ``lines``, or ``errors``) that it does not answer with None."""
        try:
            async with asyncio.timeout(deadline_s):
                seen = 0
                while True:
                    self._news.clear()
                    for line in getattr(self, stream)[seen:]:
                        seen += 1
                        if (found := look(line)) is not None:
                            return found
                    if self._readers.done():
                        raise AssertionError(f"ended before it said so:\n{self.output}")
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not said within {deadline_s} s:\n{self.output}") from None

    async def matching(self, pattern: str, *, deadline_s: float = 30, stream: str = "lines") -> re.Match[str]:
        """The first line that holds the regular expression."""
        return await self.find(re.compile(pattern).search, deadline_s=deadline_s, stream=stream)

    async def write(self, line: str) -> None:
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    def close_input(self) -> None:
        self._process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, *, deadline_s: float = 30) -> int:
        """The exit status, once the process has ended and everything it said is read."""
        async with asyncio.timeout(deadline_s):
            self._process.stdin.close()
            await asyncio.shield(self._readers)
            return await self._process.wait()

    async def _read(self, stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))
            self._news.set()


@dataclass(frozen=True)
class Served:
    """A running ``realtime serve``."""

    url: str
    process: Child


@contextlib.asynccontextmanager
async def serving(*options: str) -> AsyncIterator[Served]:
    """``realtime serve`` on a free port, from its ready line until the block is left; in memory unless told."""
    store = () if "--store" in options else ("--store", "memory")
    async with Child(REALTIME, "serve", "--port", "0", *store, *options) as child:
        yield Served((await child.matching(r"http://\S+:\d+"))[0], child)


class JsonChild(Child):
    """A process that takes commands and tells what happened in JSON lines (see interop/json_lines.js)."""

    @property
    def told(self) -> list[dict[str, Any]]:
        """Everything it told so far, in order."""
        return [_from_plain(json.loads(line)) for line in self.lines]

    async def tells(self, *keys: str, **values: Any) -> dict[str, Any]:
        """The first message that has these keys and these values."""
        return (await self.tells_times(1, *keys, **values))[0]

    async def tells_times(self, number: int, *keys: str, **values: Any) -> list[dict[str, Any]]:
        """The messages that have these keys and these values, once there are so many."""
        found: list[dict[str, Any]] = []

        def look(line: str) -> list[dict[str, Any]] | None:
            message = _from_plain(json.loads(line))
            if all(key in message for key in keys) and all(message.get(k) == v for k, v in values.items()):
                found.append(message)
            return found if len(found) == number else None

        return await self.find(look)

    async def do(self, **command: Any) -> None:
        """Send one command: its name and its argument."""
        await self.write(json.dumps(_to_plain(command)))


def _to_plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _to_plain(item) for key, item in value.items()}
    return [_to_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _from_plain(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("$bytes"), str):
            return base64.b64decode(value["$bytes"])
        return {key: _from_plain(item) for key, item in value.items()}
    return [_from_plain(item) for item in value] if isinstance(value, list) else value
