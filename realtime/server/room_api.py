"""``GET /api/rooms/<room>/messages``: a room's log as JSON, for pandas and for people."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from websockets.http11 import Request, Response

from realtime.server.authentication import AuthenticationFailed, Authenticator
from realtime.server.engine.base import Engine, EngineError, Page, Record
from realtime.server.http_responses import json_response, text_response
from realtime.server.messages import MOST_OFFSET, PAGE, ROOM_ID_LENGTH

MAX_ENTRIES = 1000
"""In one response."""

MAX_BYTES = 1024 * 1024
"""Of one response: whoever reads less than this in the 10 s that ``websockets`` gives it is cut off."""

ADDRESS = "/api/rooms/<room>/messages"
_BEFORE_ROOM, _AFTER_ROOM = ADDRESS.split("<room>")

_NO_TOKEN = "a token is needed; send the header Authorization: Bearer <token>, or add ?token=<token> to the address"
_NOT_HERE = f"There is nothing at this address; a room's messages are at {ADDRESS}\n"


class RoomApi:
    """Reads rooms' logs for whoever may connect to the server.

    Args:
        engine: has the logs; it must run.
        authenticator: checks the token, as that of a socket; in development mode everybody may read.
    """

    def __init__(self, engine: Engine, authenticator: Authenticator) -> None:
        self._engine = engine
        self._authenticator = authenticator

    async def answer(self, request: Request) -> Response:
        """The response to a request whose path begins with ``/api/``."""
        path, _, query_text = request.path.partition("?")
        if request.method not in ("GET", "HEAD"):
            return text_response(405, "Only GET and HEAD are answered here.\n", Allow="GET, HEAD")
        room = path[len(_BEFORE_ROOM) : -len(_AFTER_ROOM)]
        if path != f"{_BEFORE_ROOM}{room}{_AFTER_ROOM}" or "/" in room:
            return text_response(404, _NOT_HERE)
        parameters = parse_qsl(query_text, keep_blank_values=True, errors="replace")
        try:
            await self._authenticate(request, dict(parameters).get("token"))
            query = _Query.parse(room, parameters)
            entries, more = await self._entries(query)
        except AuthenticationFailed as error:
            return _refused(error)
        except ValueError as error:
            return text_response(400, f"{error}\n")
        except EngineError as error:
            return text_response(503, f"the room's log cannot be read: {error}\n")
        headers = {}
        if more:
            headers["Link"] = query.link(path, entries)
        if not self._authenticator.believes_everybody:
            headers["Access_Control_Allow_Origin"] = "*"  # a token is needed, and a browser adds none by itself
        return json_response(200, b"[%b]" % b",".join(entry.body for entry in entries), **headers)

    async def _authenticate(self, request: Request, token: str | None) -> None:
        if self._authenticator.believes_everybody:
            return
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            token = credentials.strip()
        if not token:
            raise AuthenticationFailed(_NO_TOKEN, code="no_token")
        member = self._authenticator.identify({"token": token}, "http")
        if inspect.isawaitable(member):
            await member

    async def _entries(self, query: _Query) -> tuple[list[Record], bool]:
        """The entries asked for, as many as one response may have, and whether there are more."""
        after, before, size = query.after, query.before, 0
        entries: list[Record] = []
        more = True
        while more:
            page = await self._read(query.room_id, after, before)
            more = page.more
            records = page.records if query.is_forward else page.records[::-1]
            for record in records:
                if query.wants(record):
                    size += len(record.body) + 1
                    if entries and (size >= MAX_BYTES or len(entries) == query.limit):
                        return query.ordered(entries), True
                    entries.append(record)
            if records and query.is_forward:
                after = records[-1].offset
            elif records:
                before = records[-1].offset
        return query.ordered(entries), False

    async def _read(self, room_id: str, after: int | None, before: int | None) -> Page:
        answered: asyncio.Future[Page | EngineError] = asyncio.get_running_loop().create_future()

        def done(page: Page | EngineError) -> None:
            if not answered.done():
                answered.set_result(page)

        self._engine.read(room_id, done, after=after, before=before, limit=PAGE)
        await asyncio.sleep(0)  # an engine in memory answers at once, and others have waited meanwhile
        page = await answered
        if isinstance(page, EngineError):
            raise page
        return page


class _Query(NamedTuple):
    """What is asked for, and how to go on from there."""

    room_id: str
    after: int | None
    before: int | None
    limit: int
    all: bool
    given: Mapping[str, str]

    @classmethod
    def parse(cls, room: str, parameters: list[tuple[str, str]]) -> _Query:
        """Read the room from the path and the parameters.

        Raises:
            ValueError: something is wrong; the message says what.
        """
        try:
            room_id = unquote(room, errors="strict")
        except UnicodeDecodeError:
            raise ValueError("the room is no percent-encoded UTF-8") from None
        if not 1 <= len(room_id) <= ROOM_ID_LENGTH:
            raise ValueError(f"a room's id has 1 to {ROOM_ID_LENGTH} characters, and this one {len(room_id)}")
        given: dict[str, str] = {}
        for name, value in parameters:
            if name not in ("after", "before", "limit", "all", "token"):
                raise ValueError(f"there is no parameter {name!r}; use after, before, limit, all and token")
            if name in given:
                raise ValueError(f"{name} is given twice")
            given[name] = value
        if given.get("all", "0") not in ("0", "1"):
            raise ValueError("all must be 1 or 0")
        return cls(
            room_id=room_id,
            after=_number(given, "after", 0, MOST_OFFSET),
            before=_number(given, "before", 0, MOST_OFFSET),
            limit=_number(given, "limit", 1, MAX_ENTRIES) or MAX_ENTRIES,
            all=given.get("all") == "1",
            given=given,
        )

    @property
    def is_forward(self) -> bool:
        """Whether the oldest are wanted rather than the newest."""
        return self.after is not None

    def wants(self, record: Record) -> bool:
        """Whether an entry is to be in the response: messages stand with their changes applied already."""
        return self.all or record.event == "chat:message"

    def ordered(self, entries: list[Record]) -> list[Record]:
        """Entries in the order of their offsets, from the order they were read in."""
        return entries if self.is_forward else entries[::-1]

    def link(self, path: str, entries: list[Record]) -> str:
        """The ``Link`` header to the entries after these, or before them (RFC 8288); the token stays out of it."""
        name, entry = ("after", entries[-1]) if self.is_forward else ("before", entries[0])
        others = {key: value for key, value in self.given.items() if key not in ("token", name)}
        return f'<{path}?{urlencode({name: entry.offset} | others)}>; rel="{"next" if self.is_forward else "prev"}"'


def _number(given: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most):
        raise ValueError(f"{name} must be {least} to {most}, not {text[:20]!r}")
    return int(text)


def _refused(error: AuthenticationFailed) -> Response:
    if error.code == "internal":
        return text_response(500, f"{error}\n")
    words = str(error) if error.code == "no_token" else f"{error}; {_NO_TOKEN}"
    return text_response(401, f"{words}\n", WWW_Authenticate='Bearer realm="realtime"')
