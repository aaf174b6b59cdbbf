"""The packets of a TCP connection, and how large they are."""

from __future__ import annotations

from typing import Literal

import msgspec

MSS_BYTES = 1400  # payload of a full segment: a mobile MTU of about 1450 less the headers
HEADER_BYTES = 52  # IPv4 20, TCP 20, timestamp option 12
SYN_BYTES = 60  # IPv4 20, TCP 20, options as Linux sends them: MSS, SACK permitted, timestamp, window scale
WINDOW_BYTES = 188 * MSS_BYTES  # receive window, about 256 KiB; fixed: no auto-tuning

ACK = 1
SYN = 2
FIN = 4
RST = 8

Kind = Literal["syn", "syn-ack", "ack", "data", "fin", "rst"]


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One packet. Sequence numbers are plain integers; a SYN has number 0, the first byte of data 1.

    Args:
        seq: of the first byte.
        ack: everything of the peer's below this number has arrived.
        window: so many bytes from ``ack`` on may be sent.
        flags: of ``ACK``, ``SYN``, ``FIN``, ``RST``.
        data: the payload.
        sent_ns: when it was sent (the timestamp option, RFC 7323).
        echo_ns: ``sent_ns`` of the peer's segment that this one acknowledges.
        sacks: up to three stretches, from and to, that have arrived above ``ack``, the newest first (RFC 2018).
    """

    seq: int
    ack: int
    window: int
    flags: int
    data: bytes = b""
    sent_ns: int = 0
    echo_ns: int = 0
    sacks: tuple[tuple[int, int], ...] = ()

    @property
    def nbytes(self) -> int:
        """Its size on the network."""
        if self.flags & SYN:
            return SYN_BYTES
        return HEADER_BYTES + len(self.data) + (4 + 8 * len(self.sacks) if self.sacks else 0)

    @property
    def kind(self) -> Kind:
        """What it is, in a word."""
        if self.flags & RST:
            return "rst"
        if self.flags & SYN:
            return "syn-ack" if self.flags & ACK else "syn"
        if self.data:
            return "data"
        return "fin" if self.flags & FIN else "ack"
