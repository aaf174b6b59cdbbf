"""What a hook may be given: a client, or a phone that has one."""

from __future__ import annotations

import contextlib
import operator
from typing import Any, Protocol, TypeVar

from realtime.connection.socket_manager import SocketManager

T = TypeVar("T")


class PhoneLike(Protocol):
    """A phone of the lab, which has its own ``loop``, or of the simulated world."""

    @property
    def socket(self) -> SocketManager:
        """The connection of its clients."""


def part_of(source: object, kind: type[T], *paths: str) -> T:
    """The client that is meant.

    Args:
        source: it, or a phone.
        kind: its type.
        paths: where a phone has it, as in ``chat.client``: one of the live lab, or one of the simulated world.

    Raises:
        TypeError: there is none.
    """
    if isinstance(source, kind):
        return source
    for path in paths if hasattr(source, "socket") else ():
        with contextlib.suppress(AttributeError):
            found: Any = operator.attrgetter(path)(source)
            if isinstance(found, kind):
                return found
    raise TypeError(f"this hook takes a phone, or its client ({kind.__name__}), not {source!r}")
