"""Where in a room's messages something is missing (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from realtime.chat.message import Gap, Message


def gap_places(messages: Sequence[Message], gaps: Iterable[Gap]) -> list[int]:
    """For each gap the index of the message before which it is; after the last one, their number.

    Args:
        messages: in the room's order. Where the server lost its log, offsets begin anew.
        gaps: oldest first.
    """
    if not gaps:
        return []
    offsets = [message.offset for message in messages if message.offset is not None]
    places: list[int] = []
    begin = 0
    for gap in gaps:
        begin = _place(offsets, gap, begin)
        places.append(begin)
    return places


def _place(offsets: Sequence[int], gap: Gap, begin: int) -> int:
    """The first place, not before ``begin``, with what is up to the gap on one side and what is after on the other."""
    fits = [
        index
        for index in range(begin, len(offsets) + 1)
        if (index == 0 or offsets[index - 1] <= gap.after) and (index == len(offsets) or offsets[index] >= gap.before)
    ]
    if gap.before <= gap.after:  # another log begins: its offsets say nothing about those of the former
        anew = [index for index in fits if 0 < index < len(offsets) and offsets[index] <= offsets[index - 1]]
        fits = anew or fits
    return fits[0] if fits else begin
