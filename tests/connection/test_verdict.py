"""Acknowledgements that say whether something was done."""

import msgspec
import pytest

from realtime.connection.errors import SendRefused
from realtime.connection.verdict import DoneReply, read_reply


class Place(msgspec.Struct, frozen=True, rename="camel"):
    room_offset: int


def test_what_was_done_is_read_as_what_is_expected():
    assert read_reply({"ok": True, "roomOffset": 7, "news": 1}, Place) == Place(7)
    assert read_reply({"ok": True}, DoneReply) == DoneReply()


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ({"ok": False, "error": {"code": "not_member", "message": "join first"}}, "not_member"),
        ({"ok": False}, "refused"),
        ({"ok": True}, "malformed_ack"),  # without the offset
        ({"ok": "yes", "roomOffset": 7}, "malformed_ack"),
        (None, "malformed_ack"),
    ],
)
def test_what_was_not_is_a_refusal_with_its_code(reply, code):
    with pytest.raises(SendRefused) as refused:
        read_reply(reply, Place)
    assert refused.value.code == code


class Temperature:
    def __init__(self, degrees):
        self.degrees = degrees


class Weather(msgspec.Struct, frozen=True):
    now: Temperature


def test_types_of_ones_own_are_read_by_a_function():
    assert read_reply({"ok": True, "now": 5}, Weather, lambda kind, value: kind(value)).now.degrees == 5
