"""What a feature hears of its connection, or of another feature."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from realtime.utils.event_emitter import EventSource, Handler

T = TypeVar("T")
_log = logging.getLogger("realtime.connection")


class Listeners:
    """Handlers of one feature on one source of events, to be removed together.

    Args:
        source: the connection, or another feature.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._handlers: list[tuple[str, Handler]] = []

    def on(self, event: str, handler: Handler) -> None:
        """Call ``handler`` at every ``event``."""
        self._handlers.append((event, self._source.on(event, handler)))

    def on_payload(self, event: str, read: Callable[[object], T], handler: Callable[[T], object]) -> None:
        """Hand on what ``event`` carries, if it makes sense; further arguments are the protocol's.

        Args:
            event: the server's.
            read: makes a value of its first argument; raises ``msgspec.ValidationError`` where that makes no sense.
            handler: called with the value.
        """

        def heard(*args: Any) -> None:
            try:
                payload = read(args[0] if args else None)
            except msgspec.ValidationError as error:
                _log.warning("ignored a %s that was not understood: %s", event, error)
            else:
                handler(payload)

        self.on(event, heard)

    def remove(self) -> None:
        """Hear nothing more. Doing it twice is harmless."""
        handlers, self._handlers = self._handlers, []
        for event, handler in handlers:
            self._source.off(event, handler)
