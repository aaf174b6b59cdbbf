"""What all live widgets share: one message per batch, help with options, an end to everything at close."""

import logging

import pytest

from realtime.utils.observable import Observable
from tests.widgets.waiting import eventually
from widgets.live_widget import LiveWidget, refuse_unknown


class Counter(LiveWidget):
    """Shows a number; can be told to add to it."""

    _esm = "export default { render() {} }"

    def __init__(self, number):
        self.number = number
        self.sent = []
        super().__init__(watches=[number])

    def compose(self):
        return {"number": self.number.snapshot}

    @property
    def actions(self):
        return {"add": lambda content: self.number.set(self.number.snapshot + content["by"])}

    def send(self, content, buffers=None):
        self.sent.append(content)

    def say(self, **content):
        """A message as it comes from the page."""
        self._handle_custom_msg(content, [])


@pytest.fixture
def counter():
    widget = Counter(Observable(0))
    yield widget
    widget.close()


def test_before_the_page_follows_each_batch_is_a_whole_snapshot(counter):
    """A page that is still loading the script hears nothing, so a change alone would leave a gap."""
    counter.number.set(1)
    eventually(lambda: {"type": "snapshot", "revision": 1, "state": {"number": 1}} in counter.sent)


def test_a_page_that_follows_gets_changes_only(counter):
    counter.say(type="follow")
    assert counter.sent == [{"type": "snapshot", "revision": 0, "state": {"number": 0}}]
    counter.number.set(7)
    eventually(lambda: len(counter.sent) == 2)
    assert counter.sent[-1] == {"type": "changes", "revision": 1, "fields": {"number": 7}, "lists": {}}


def test_a_page_that_opens_later_gets_the_newest_state(counter):
    counter.number.set(3)
    eventually(lambda: counter.sent)
    assert counter.get_state()["snapshot"] == {"revision": 1, "state": {"number": 3}}


def test_what_the_page_asks_for_is_done(counter):
    counter.say(type="add", by=5)
    assert counter.number.snapshot == 5


def test_what_cannot_be_done_is_said_on_the_page(counter, caplog):
    with caplog.at_level(logging.ERROR, logger="realtime.widgets"):
        counter.say(type="add", by="many")
        counter.say(type="explode")
    assert [message["type"] for message in counter.sent] == ["refused", "refused"]
    assert "explode" in counter.sent[-1]["text"]
    assert [message["of"] for message in counter.sent] == ["add", "explode"]


def test_a_closed_widget_no_longer_listens():
    counter = Counter(Observable(0))
    counter.close()
    counter.close()
    counter.number.set(1)
    assert counter.sent == []
    assert counter.number._observers == {}


def test_an_unknown_option_is_refused_with_help():
    def constructor(phone, *, title=None, height_px=300, **unknown): ...

    refuse_unknown("ChatRoom", constructor, {})
    with pytest.raises(TypeError, match=r"ChatRoom has no option 'heigth_px'; did you mean 'height_px'\? .*title"):
        refuse_unknown("ChatRoom", constructor, {"heigth_px": 1})
