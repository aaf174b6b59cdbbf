"""A room's log at one device, for tests: its entries, and what is to be seen of it."""

from realtime.chat.message import Position
from realtime.chat.room_log import RoomLog
from realtime.chat.wire import LoggedMessage

ANA, BEN = "ana", "ben"


def logged(offset, user_id=BEN, message_id=None, position=None):
    message_id = message_id or f"{user_id}-{offset}"
    return LoggedMessage(
        message_id=message_id, user_id=user_id, text=message_id, timestamp=1000 + offset, offset=offset,
        position=position,
    )  # fmt: skip


def joined_log(*entries, epoch="e", at=0):
    """Ana's view of a room that she has just joined for the first time."""
    log = RoomLog("lobby", ANA, failed_after_s=5.0)
    log.joined(Position(epoch, max([at, *(entry.offset for entry in entries)])), entries, recovered=False, more=False)
    return log


def texts(log):
    return [message.text for message in log.messages()]


def statuses(log):
    return [message.status for message in log.messages()]


def said(events):
    """Events as short tuples."""
    return [(type(event).__name__, event.message.text) for event in events]
