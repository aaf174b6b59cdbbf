"""What a hook may be given: a client, or a phone that has one."""

from __future__ import annotations

import asyncio
import contextlib
import operator
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class PhoneLike(Protocol):
    """A phone of the lab: ``realtime.lab.phone.Phone``."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its clients live."""

    @property
    def user_id(self) -> str:
        """Whose it is."""


def part_of(source: object, kind: type[T], path: str) -> T:
    """The client that is meant.

    Args:
        source: it, or a phone.
        kind: its type.
        path: where a phone has it, as in ``chat.client``.

    Raises:
        TypeError: there is none.
    """
    if isinstance(source, kind):
        return source
    found: Any = None
    with contextlib.suppress(AttributeError):
        found = operator.attrgetter(path)(source)
    if isinstance(found, kind):
        return found
    raise TypeError(f"this hook takes a {kind.__name__}, or a phone that has one, not {source!r}")
