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
    """Somebody does not share the position any more."""

    room_id: str
    user_id: str

    @classmethod
    def from_wire(cls, wire: object) -> LocationStop:
        """Read a broadcast.

        Raises:
            msgspec.ValidationError: naming what is missing or wrong.
        """
        return msgspec.convert(wire, cls)
