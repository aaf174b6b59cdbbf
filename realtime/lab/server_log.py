"""What a server holds in the end, as a record of a history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from realtime.lab.sim_notes import crossing_in
from realtime.server.engine.base import Engine, EngineError, Page

if TYPE_CHECKING:
    from realtime.sim.history import History

MESSAGE = "chat:message"
_PAGE = 200


class _Body(msgspec.Struct, rename="camel"):
    message_id: str


async def note_logs(
    history: History, engine: Engine, rooms: Iterable[str], *, crossings: History | None = None
) -> dict[str, dict[str, bytes]]:
    """Note which messages the logs of rooms hold. What amends a message is no message.

    Args:
        history: where to.
        engine: the server's.
        rooms: their ids.
        crossings: fences that were crossed are noted there; what was logged counts as acknowledged.

    Returns:
        For each room the messages by id, each as it stands now: a JSON object.

    Raises:
        EngineError: a log cannot be read.
    """
    logs: dict[str, dict[str, bytes]] = {}
    for room_id in rooms:
        entries: list[tuple[int, str]] = []
        crossed: list[tuple[int, str]] = []
        logs[room_id] = {}
        last, is_over, horizon = 0, False, 0
        while not is_over:
            page = await _read(engine, room_id, after=last)
            horizon = page.horizon
            for record in page.records:
                last = record.offset
                if record.event == MESSAGE:
                    message_id = msgspec.json.decode(record.body, type=_Body).message_id
                    entries.append((record.offset, message_id))
                    logs[room_id][message_id] = record.body
                elif (name := crossing_in(msgspec.json.decode(record.body))) is not None:
                    crossed.append((record.offset, name))
            is_over = not page.more or not page.records
        history.logged(room_id, entries, horizon=horizon)
        if crossings is not None:
            for offset, name in crossed:
                crossings.ok(name, offset)
            crossings.logged(room_id, crossed, horizon=horizon)
    return logs


async def read_marker(engine: Engine, room_id: str, user_id: str) -> int:
    """Up to which offset a user has read a room, as far as the server knows; 0 if nothing.

    Raises:
        EngineError: that cannot be read.
    """
    page = await _read(engine, room_id, after=0, with_markers=True)
    return next((marker.read for marker in page.markers if marker.user_id == user_id), 0)


async def _read(engine: Engine, room_id: str, *, after: int, with_markers: bool = False) -> Page:
    answer: asyncio.Future[Page | EngineError] = asyncio.get_running_loop().create_future()
    engine.read(room_id, answer.set_result, after=after, before=None, limit=_PAGE, with_markers=with_markers)
    page = await answer
    if isinstance(page, EngineError):
        raise page
    return page
