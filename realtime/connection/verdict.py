"""Acknowledgements that say whether something was done: ``{"ok": true, …}`` or ``{"ok": false, "error": …}``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from realtime.connection.errors import SendRefused

R = TypeVar("R")


class DoneReply(msgspec.Struct, frozen=True):
    """The answer to what has no result."""


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str


class _Verdict(msgspec.Struct, frozen=True):
    ok: bool
    error: _Error | None = None


def read_reply(reply: object, kind: type[R], dec_hook: Callable[[type, Any], Any] | None = None) -> R:
    """Read an acknowledgement.

    Args:
        reply: its one argument.
        kind: what it is read as, if it is a yes.
        dec_hook: reads types of one's own: see ``msgspec.convert``.

    Raises:
        SendRefused: with the server's code and words, or ``malformed_ack`` if it makes no sense.
    """
    try:
        verdict = msgspec.convert(reply, _Verdict)
        if verdict.ok:
            return msgspec.convert(reply, kind, dec_hook=dec_hook)
        error = verdict.error or _Error("refused", "the server refused it without a reason")
    except msgspec.ValidationError as broken:
        raise SendRefused("malformed_ack", f"the server's acknowledgement was not understood: {broken}") from broken
    raise SendRefused(error.code, error.message)
