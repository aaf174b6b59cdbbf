"""What the server says about others' positions. Unknown fields are ignored: a newer server may say more."""

from __future__ import annotations

import msgspec

from realtime.location.fix import Fix


class _Update(msgspec.Struct, rename="camel"):
    room_id: str
    user_id: str
    fixes: list[object]


class LocationUpdate(msgspec.Struct, frozen=True):
    """Somebody moved; ``fixes`` are in the order of their times."""

    room_id: str
    user_id: str
    fixes: tuple[Fix, ...]

    @classmethod
    def from_wire(cls, wire: object) -> LocationUpdate:
        """Read a broadcast.

        Raises:
            msgspec.ValidationError: naming what is missing or wrong.
        """
        read = msgspec.convert(wire, _Update)
        fixes = sorted((Fix.from_wire(fix) for fix in read.fixes), key=lambda fix: fix.timestamp_ms)
        return cls(read.room_id, read.user_id, tuple(fixes))


class LocationStop(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody does not share the position any more; ``reason``: ``stopped``, ``expired``, ``gone``."""

    room_id: str
    user_id: str
    reason: str = "stopped"

    @classmethod
    def from_wire(cls, wire: object) -> LocationStop:
        """Read a broadcast.

        Raises:
            msgspec.ValidationError: naming what is missing or wrong.
        """
        return msgspec.convert(wire, cls)


class Known(msgspec.Struct, frozen=True):
    """Where somebody is, as the server knows it."""

    user_id: str
    fix: Fix


class _Known(msgspec.Struct, rename="camel"):
    user_id: str
    fix: object


class _Joined(msgspec.Struct):
    ok: bool = False
    locations: list[_Known] | None = None


class _Rejected(msgspec.Struct):
    index: int
    reason: str


class _Verdict(msgspec.Struct):
    ok: bool
    rejected: list[_Rejected] = []
    error: _Error | None = None


class _Error(msgspec.Struct):
    code: str
    message: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """What the server says to an update.

    Args:
        rejected: index of the fix in the update, and why; the others it has.
        refusal: the code, if it took nothing of it.
    """

    rejected: tuple[tuple[int, str], ...] = ()
    refusal: str | None = None

    @classmethod
    def from_wire(cls, wire: object) -> Verdict:
        """Read an acknowledgement; one that makes no sense is a refusal too."""
        try:
            read = msgspec.convert(wire, _Verdict)
        except msgspec.ValidationError:
            return cls(refusal="malformed_ack")
        if not read.ok:
            return cls(refusal="refused" if read.error is None else read.error.code)
        return cls(rejected=tuple((each.index, each.reason) for each in read.rejected))


def joined_locations(answer: object) -> tuple[Known, ...] | None:
    """Who shares their position with a room, by the answer to ``room:join``; None if it does not say.

    Raises:
        msgspec.ValidationError: naming what is wrong.
    """
    read = msgspec.convert(answer, _Joined)
    if not read.ok or read.locations is None:
        return None
    return tuple(Known(each.user_id, Fix.from_wire(each.fix)) for each in read.locations)
