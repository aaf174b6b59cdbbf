"""Presence as the server writes it."""

import json

import msgspec
import pytest

from realtime.presence.wire import LeftMember, Member, PresenceDiff, SyncReply, UserStatus
from realtime.server import messages


def through(struct, kind):
    """What the server encodes, as a client reads it."""
    return msgspec.convert(json.loads(messages.encode(struct)), kind)


def test_what_the_server_writes_is_understood():
    present = messages.PresentMember("ana", "phone", "background", "away", 7, "on the tram", {"x": 1})
    member = Member("ana", "phone", "background", "away", 7, "on the tram", {"x": 1})
    diff = messages.PresenceDiff("lobby", [present], [messages.LeftMember("ben", "phone")], 3)
    assert through(diff, PresenceDiff) == PresenceDiff("lobby", (member,), (LeftMember("ben", "phone"),), 3)
    assert through(messages.SyncReply(members=[present], epoch="e", n=3), SyncReply) == SyncReply((member,), "e", 3)
    status = messages.UserStatus("ana", "offline", last_seen=9)
    assert through(status, UserStatus) == UserStatus("ana", "offline", None, 9)


@pytest.mark.parametrize("body", [{}, {"roomId": "r", "joins": [{}]}, {"roomId": "r", "n": 0}, None])
def test_what_makes_no_sense_is_refused(body):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, PresenceDiff)
