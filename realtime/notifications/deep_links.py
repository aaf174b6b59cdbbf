"""From a link to a place in the app."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

_log = logging.getLogger("realtime.notifications")


class DeepLinks:
    """Calls the handler whose pattern a link has: that of ``room/:roomId`` with ``roomId="lobby"`` for ``room/lobby``.

    A scheme and a web host before the path are ignored; ``?name=value`` is passed by name too, where the path has no
    part of that name.

    Args:
        fallback: called with a link that leads nowhere.
    """

    def __init__(self, *, fallback: Callable[[str], object] | None = None) -> None:
        self._fallback = fallback
        self._routes: list[tuple[tuple[str, ...], Callable[..., object]]] = []

    def add(self, pattern: str, handler: Callable[..., object]) -> None:
        """Call ``handler`` with the named parts of links of this pattern; of several the first that was added.

        Raises:
            ValueError: the pattern makes no sense.
        """
        parts = tuple(pattern.split("/"))
        names = [part[1:] for part in parts if part.startswith(":")]
        if not all(parts) or not all(name.isidentifier() for name in names) or len(set(names)) < len(names):
            raise ValueError(f"a pattern is like 'room/:roomId', with different names; this one is {pattern!r}")
        self._routes.append((parts, handler))

    def open(self, url: str) -> bool:
        """Go where a link leads; returns whether it leads anywhere."""
        try:
            path, parameters = _parts(url)
        except ValueError:  # no link at all
            path, parameters = [], {}
        for pattern, handler in self._routes:
            found = _match(pattern, path)
            if found is not None:
                extra = {name: value for name, value in parameters.items() if name not in found}
                _call(url, handler, {**_taken_by(handler, extra), **found})
                return True
        if self._fallback is not None:
            _call(url, self._fallback, {}, url)
        return False


def _parts(url: str) -> tuple[list[str], dict[str, str]]:
    split = urlsplit(url)
    path = split.path if split.scheme in ("http", "https", "") else f"{split.netloc}{split.path}"
    return [unquote(part) for part in path.strip("/").split("/")], dict(parse_qsl(split.query, keep_blank_values=True))


def _match(pattern: tuple[str, ...], path: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(path):
        return None
    found: dict[str, str] = {}
    for part, value in zip(pattern, path, strict=True):
        if part.startswith(":") and value:
            found[part[1:]] = value
        elif part != value:
            return None
    return found


def _taken_by(handler: Callable[..., object], extra: dict[str, str]) -> dict[str, str]:
    """The parameters that a handler has a place for: a link from outside must not make it fail."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):  # it cannot be asked
        return {}
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return extra
    taken = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return {name: value for name, value in extra.items() if name in taken}


def _call(url: str, handler: Callable[..., object], found: dict[str, Any], *args: str) -> None:
    try:
        handler(*args, **found)
    except Exception:
        _log.exception("the handler of the link %r failed", url)
