"""Who has a message and who has read it, for the reader of a bubble."""

from realtime.chat.message import Marker
from tests.widgets.fakes import message
from widgets.audience import Audience

MARKERS = {
    "ana": Marker("ana", received=9, read=9),
    "ben": Marker("ben", received=9, read=5),
    "cleo": Marker("cleo", received=7),
}


def test_the_others_are_named_that_have_read_it_or_have_it():
    audience = Audience(MARKERS)
    assert audience.of(message(4, user_id="ana")) == {"read": ["ben"], "delivered": ["cleo"], "more": 0}
    assert audience.of(message(6, user_id="ana")) == {"read": [], "delivered": ["ben", "cleo"], "more": 0}
    assert audience.of(message(8, user_id="ana")) == {"read": [], "delivered": ["ben"], "more": 0}


def test_what_is_unsent_has_nobody():
    assert Audience(MARKERS).of(message(1, user_id="ana", offset=None)) is None
    assert Audience({}).of(message(1, user_id="ana")) is None


def test_of_a_crowd_a_few_are_named_and_the_rest_counted():
    crowd = {f"u{n}": Marker(f"u{n}", received=9, read=9) for n in range(8)}
    assert Audience(crowd).of(message(1, user_id="u0")) == {
        "read": ["u1", "u2", "u3", "u4", "u5"],
        "delivered": [],
        "more": 2,
    }
