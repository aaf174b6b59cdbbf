"""Pages of a room's log that a phone on a bad network can take."""

from __future__ import annotations

import msgspec

from realtime.server.engine.base import Page

PAGE_BYTES = 256 * 1024
"""A page is cut where its messages exceed this: at 100 kbit/s it takes 20 s already."""


def fitted(page: Page, *, forward: bool, max_bytes: int = PAGE_BYTES) -> tuple[list[msgspec.Raw], bool]:
    """The messages of a page, as many as fit, but at least one.

    Args:
        forward: what is read on from is the end of the page, so its end is cut; else its start.

    Returns:
        The messages in the order of their offsets, and whether there are more.
    """
    kept = 0
    size = 0
    for record in page.records if forward else reversed(page.records):
        size += len(record.body)
        if kept and size > max_bytes:
            break
        kept += 1
    records = page.records[:kept] if forward else page.records[len(page.records) - kept :]
    return [msgspec.Raw(record.body) for record in records], page.more or kept < len(page.records)
