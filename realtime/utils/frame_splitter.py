"""Whole WebSocket frames out of a byte stream (RFC 6455 §5.2), with a short way for the ones that matter.

A chat server or client receives almost nothing but unfragmented text frames of less than 64 KiB. Those are read here,
in one step; everything else is cut at frame boundaries and left to ``websockets``, which knows all the rules.
"""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without its C extension
    from websockets.utils import apply_mask

_TEXT = 0x81  # FIN, no reserved bits, opcode 1
_MASK_BIT = 0x80
_FIN = 0x80
_CONTROL = 0x08
_HEADS = frozenset({0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A})  # that websockets may accept


class FrameSplitter:
    """Takes a stream apart.

    Args:
        max_size: a frame that announces more is passed on at once, for ``websockets`` to refuse.
        masked: whether the frames are a client's, which are masked, or a server's.
    """

    def __init__(self, max_size: int, *, masked: bool) -> None:
        self._max_size = max_size
        self._mask_bit = _MASK_BIT if masked else 0
        self._mask_size = 4 if masked else 0
        self._tail = bytearray()  # the beginning of a frame
        self._needed = 0  # bytes that the tail must have before looking at it again
        self._in_fragments = False
        self._gave_up = False

    def split(self, data: bytes) -> list[bytes | bytearray]:
        """Take the next bytes of the stream.

        Returns:
            For each plain text frame its payload, as ``bytes``; anything else as a ``bytearray`` to be given to
            ``websockets``: one whole frame, or whatever comes after the beginning of one that will be refused.
        """
        if self._gave_up:
            return [bytearray(data)]
        if self._tail:
            self._tail += data
            if len(self._tail) < self._needed:
                return []
            data = bytes(self._tail)
            self._tail.clear()
        size = len(data)
        mask_size = self._mask_size
        if size > 3 and data[0] == _TEXT and not self._in_fragments:  # one frame and no more, as nearly always
            length, start = data[1] ^ self._mask_bit, 2 + mask_size
            if length == 126:
                length, start = data[2] << 8 | data[3], start + 2
            elif length > 126:
                length = size  # no such frame
            if start + length == size and length <= self._max_size:
                payload = data[start:]
                return [apply_mask(payload, data[start - 4 : start]) if mask_size else payload]
        items: list[bytes | bytearray] = []
        at = 0
        while at < size:
            if size - at < 2:
                return self._wait(items, data, at, 2)
            length = data[at + 1] ^ self._mask_bit  # over 127 where there should be a mask and is none, or vice versa
            start = at + 2 + mask_size
            if length >= 126:
                start += 2 if length == 126 else 8
                if length > 127 or start > size:
                    return self._wait(items, data, at, 0 if length > 127 else start - at)
                length = int.from_bytes(data[at + 2 : start - mask_size], "big")
            end = start + length
            if end > size or length > self._max_size:
                return self._wait(items, data, at, end - at if length <= self._max_size else 0)
            head = data[at]
            if head == _TEXT and length < 65_536 and not self._in_fragments:
                payload = data[start:end]
                items.append(apply_mask(payload, data[start - 4 : start]) if mask_size else payload)
            else:
                if not head & _CONTROL:
                    self._in_fragments = not head & _FIN
                items.append(bytearray(data[at:end]))
            at = end
        return items

    def _wait(self, items: list[bytes | bytearray], data: bytes, at: int, needed: int) -> list[bytes | bytearray]:
        """Keep the beginning of a frame, or pass it on where ``websockets`` refuses it without its end."""
        head = data[at]
        is_long_control = head & _CONTROL and needed > 2 + self._mask_size + 125
        if needed and head in _HEADS and not is_long_control:
            self._tail += data[at:]
            self._needed = needed
        else:
            self._gave_up = True
            items.append(bytearray(data[at:]))
        return items
