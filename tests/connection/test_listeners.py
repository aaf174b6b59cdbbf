"""What a feature hears of its connection, and how it stops."""

import msgspec
import pytest

from realtime.connection.listeners import Listeners
from tests.fake_socket import FakeSocket


class Word(msgspec.Struct, frozen=True):
    text: str


@pytest.fixture
def socket():
    return FakeSocket()


def test_payloads_are_read_and_what_makes_no_sense_is_ignored(socket, caplog):
    heard = []
    listeners = Listeners(socket)
    listeners.on_payload("word", lambda wire: msgspec.convert(wire, Word), heard.append)
    socket.dispatch("word", {"text": "hello"}, "a further argument is the protocol's")
    socket.dispatch("word", {"text": 7})
    socket.dispatch("word")
    assert heard == [Word("hello")]
    assert caplog.text.count("ignored a word that was not understood") == 2


def test_after_removal_nothing_is_heard_and_others_still_hear(socket):
    heard, others = [], []
    listeners = Listeners(socket)
    listeners.on("connect", lambda: heard.append("connect"))
    socket.on("connect", lambda: others.append("connect"))
    listeners.remove()
    listeners.remove()
    socket.dispatch("connect")
    assert (heard, others) == ([], ["connect"])
