"""From the name of an event to the function that handles it, and back with the answer."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import logging
import math
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from realtime.protocol.payload import decode_body, loads
from realtime.protocol.socketio import RESERVED_EVENTS
from realtime.server.messages import Refusal
from realtime.server.rate_limit import RateLimit
from realtime.server.session import Session
from realtime.server.stats import Counters

_log = logging.getLogger("realtime.server")

P = TypeVar("P", bound=msgspec.Struct)
Handler = Callable[..., Any]

LIFECYCLE = frozenset({"connect", "disconnect"})
MAX_RUNNING = 100
"""Async handlers of one session that may run at once; further events are refused as ``busy``."""


_LONGEST_NAME = 64
_AT_FIELD = re.compile(r"at `(\w+)`$")


class _BuiltIn(msgspec.Struct, frozen=True):
    kind: Any  # tuple[str, the payload's type]
    choices: Mapping[str, str]  # by field, where only a few words are right
    decoder: msgspec.json.Decoder[tuple[str, Any]]
    handle: Callable[[Session, Any, int | None], None]


class EventTable:
    """The events of a namespace: built-in ones with typed payloads, and the application's own.

    Args:
        counters: refusals are counted here.
        limit: of what one session may send; by default anything.
    """

    def __init__(self, counters: Counters | None = None, limit: RateLimit | None = None) -> None:
        self._counters = Counters() if counters is None else counters
        self._limit = limit
        self._built_in: dict[str, _BuiltIn] = {}
        self._handlers: dict[str, Handler] = {}
        self._running: dict[asyncio.Task[Any], Session] = {}

    @property
    def built_in(self) -> tuple[str, ...]:
        """The events that the server handles by itself."""
        return tuple(self._built_in)

    def add(self, event: str, payload: type[P], handle: Callable[[Session, P, int | None], None]) -> None:
        """Register a built-in event: ``handle(session, payload, ack_id)`` answers by itself, or raises Refusal."""
        kind: Any = tuple[str, payload]  # type: ignore[valid-type]
        self._built_in[event] = _BuiltIn(kind, _choices(payload), msgspec.json.Decoder(kind), handle)

    def on(self, event: str, handler: Handler) -> Handler:
        """Register ``handler(session, *args)``, plain or async; it replaces an earlier one.

        What it returns is the answer, if the client asked for one: a tuple is several arguments, None is none.
        It may raise :class:`Refusal`. ``connect`` (session) and ``disconnect`` (session, reason) are told too.

        Raises:
            ValueError: the name is built in, or reserved by Socket.IO.
        """
        if event in self._built_in:
            raise ValueError(f"{event!r} is built in and handled by the server; choose another name")
        if event in RESERVED_EVENTS - LIFECYCLE:
            raise ValueError(f"{event!r} is reserved by Socket.IO and never travels; choose another name")
        if not callable(handler):
            raise TypeError(f"the handler of {event!r} must be a function, not {type(handler).__name__}")
        self._handlers[event] = handler
        return handler

    def receive_raw(self, session: Session, event: str, body: bytes, ack_id: int | None) -> None:
        """Handle an event whose arguments are still JSON.

        Args:
            body: the whole array, the name included.

        Raises:
            RemoteProtocolError: it is no event; the connection must be closed.
        """
        session.credit -= 1
        if session.credit < 0 and self._is_too_much(session, event, ack_id):
            return
        built_in = self._built_in.get(event)
        if built_in is None:
            self._call(session, event, loads(body)[1:], ack_id)
            return
        try:
            payload = decode_body(body, built_in.decoder)[1]
        except msgspec.ValidationError as error:
            loads(body)  # where the JSON itself is broken, it is the connection that ends
            self._refuse(session, ack_id, _invalid(event, error, built_in.choices))
            return
        self._apply(session, built_in, payload, ack_id)

    def receive(self, session: Session, event: str, args: Sequence[Any], ack_id: int | None) -> None:
        """Handle an event whose arguments are values already: one with binary attachments."""
        session.credit -= 1
        if session.credit < 0 and self._is_too_much(session, event, ack_id):
            return
        built_in = self._built_in.get(event)
        if built_in is None:
            self._call(session, event, args, ack_id)
            return
        try:
            _, payload = msgspec.convert([event, *args], built_in.kind)
        except msgspec.ValidationError as error:
            self._refuse(session, ack_id, _invalid(event, error, built_in.choices))
            return
        self._apply(session, built_in, payload, ack_id)

    def tell(self, event: str, session: Session, *args: Any) -> None:
        """Tell the application of ``connect`` or ``disconnect``."""
        if event in self._handlers:
            self._call(session, event, args, None)

    async def stop(self) -> None:
        """Cancel the handlers that still run, and wait for them."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _apply(self, session: Session, built_in: _BuiltIn, payload: Any, ack_id: int | None) -> None:
        try:
            built_in.handle(session, payload, ack_id)
        except Refusal as refusal:
            self._refuse(session, ack_id, refusal)

    def _is_too_much(self, session: Session, event: str, ack_id: int | None) -> bool:
        if self._limit is None:
            session.credit = math.inf
            return False
        after_ms = self._limit.judge(session, asyncio.get_running_loop().time(), is_asked=ack_id is not None)
        if after_ms is None:
            return False
        if after_ms < 0:
            session.link.overrun("too many events; ask for acknowledgements, and send no more than are answered")
        else:
            words = f"{event} came too soon after too many events; send it again after {after_ms} ms"
            self._refuse(session, ack_id, Refusal("rate_limited", words, retry_after_ms=after_ms))
            self._limit.refused(session)
        return True

    def _refuse(self, session: Session, ack_id: int | None, refusal: Refusal) -> None:
        self._counters.refused += 1
        session.refuse(ack_id, refusal)

    def _call(self, session: Session, event: str, args: Sequence[Any], ack_id: int | None) -> None:
        handler = self._handlers.get(event)
        if handler is None:
            self._refuse(session, ack_id, _unknown(event, (*self._built_in, *self._handlers)))
            return
        try:
            result = handler(session, *args)
            if inspect.iscoroutine(result):
                self._start(session, event, result, ack_id)
            else:
                _answer(session, ack_id, result)
        except Exception as error:
            _failed(session, event, ack_id, error)

    def _start(self, session: Session, event: str, result: Coroutine[Any, Any, Any], ack_id: int | None) -> None:
        if sum(running is session for running in self._running.values()) >= MAX_RUNNING:
            result.close()
            raise Refusal("busy", f"{MAX_RUNNING} of your requests are still being worked on; wait for answers")
        task = asyncio.get_running_loop().create_task(result)
        self._running[task] = session
        task.add_done_callback(partial(self._done, session, event, ack_id))

    def _done(self, session: Session, event: str, ack_id: int | None, task: asyncio.Task[Any]) -> None:
        del self._running[task]
        if task.cancelled():
            return
        try:
            _answer(session, ack_id, task.result())
        except Exception as error:
            _failed(session, event, ack_id, error)


def _answer(session: Session, ack_id: int | None, result: Any) -> None:
    session.answer(ack_id, result if isinstance(result, tuple) else () if result is None else (result,))


def _failed(session: Session, event: str, ack_id: int | None, error: Exception) -> None:
    if not isinstance(error, Refusal):
        _log.error("the handler of %r failed for %r", event, session, exc_info=error)
        error = Refusal("internal", f"{event} failed on the server; its log says why")
    session.refuse(ack_id, error)


def _unknown(event: str, known: Iterable[str]) -> Refusal:
    name = repr(event) if len(event) <= _LONGEST_NAME else f"{event[:_LONGEST_NAME]!r}…"
    near = difflib.get_close_matches(event, known, n=1) if len(event) <= _LONGEST_NAME else []
    hint = f"did you mean {near[0]!r}?" if near else "an event of your own needs a handler: server.on(…)"
    return Refusal("unknown_event", f"this server does not handle {name}; {hint}")


def _choices(payload: type[msgspec.Struct]) -> dict[str, str]:
    found = {}
    kind = msgspec.inspect.type_info(payload)
    for field in kind.fields if isinstance(kind, msgspec.inspect.StructType) else ():
        types = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
        for each in types:
            if isinstance(each, msgspec.inspect.LiteralType):
                found[field.encode_name] = ", ".join(map(str, each.values))
    return found


def _invalid(event: str, error: msgspec.ValidationError, choices: Mapping[str, str]) -> Refusal:
    words = str(error).replace("$[1].", "").replace("$[1]", "payload")
    if "of length 2" in words or "at least 2" in words:
        words = "takes one object, and nothing else"
    elif (at := _AT_FIELD.search(words)) is not None and at[1] in choices:
        words = f"{words}; it is one of {choices[at[1]]}"
    return Refusal("invalid_payload", f"{event}: {words}")
