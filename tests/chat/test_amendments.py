"""What an edit, a deletion or a reaction makes of a message, and which of them still count."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.chat.amendments import Amendment, Kind, amended, change_from, fold, message_of, read_amendment
from realtime.chat.message import Message, MessageStatus, Reaction
from realtime.chat.wire import LoggedAmendment, LoggedMessage
from realtime.server.engine.amendments import Amended, amend
from realtime.server.engine.amendments import Message as Stored
from realtime.server.engine.base import Appended, Draft, NotApplied


def message(**fields):
    return Message(
        **{
            "room_id": "lobby", "message_id": "m1", "user_id": "ben", "text": "first", "timestamp_ms": 1003,
            "offset": 3, "status": MessageStatus.RECEIVED,
        } | fields
    )  # fmt: skip


def edit(offset, text="changed", user_id="ben"):
    return Amendment(
        kind=Kind.EDIT, message_id="m1", user_id=user_id, timestamp_ms=1000 + (offset or 9), offset=offset, text=text
    )


def deletion(offset, user_id="ben"):
    return Amendment(
        kind=Kind.DELETE, message_id="m1", user_id=user_id, timestamp_ms=1000 + (offset or 9), offset=offset
    )


def reaction(offset, user_id="ana", emoji="👍", add=True):
    return Amendment(
        kind=Kind.REACTION, message_id="m1", user_id=user_id, timestamp_ms=1000 + (offset or 9), offset=offset,
        emoji=emoji, add=add,
    )  # fmt: skip


def logged(event, **fields):
    return LoggedAmendment(event=event, message_id="m1", user_id="ben", timestamp=1007, offset=7, **fields)


class TestReading:
    def test_all_three_kinds(self):
        assert read_amendment(logged("chat:edit", text="changed")) == edit(7)
        assert read_amendment(logged("chat:delete")) == deletion(7)
        assert read_amendment(logged("chat:reaction", emoji="👍", action="add")) == reaction(7, "ben")
        assert read_amendment(logged("chat:reaction", emoji="👍", action="remove")) == reaction(7, "ben", add=False)

    @pytest.mark.parametrize(
        "entry",
        [
            logged("chat:edit", superseded=True),  # its text is gone
            logged("chat:pin"),  # a newer server's
            logged("chat:edit"),
            logged("chat:reaction", emoji="👍", action="flip"),
            logged("chat:reaction", action="add"),
        ],
    )
    def test_what_changes_nothing_here(self, entry):
        assert read_amendment(entry) is None


class TestAskingForThem:
    ASKED = {"roomId": "lobby", "messageId": "m1", "changeId": "c1"}  # noqa: RUF012

    def test_what_a_payload_asks_for(self):
        for payload, change in [
            (("chat:edit", {"text": "changed"}), edit(None, user_id="ana")),
            (("chat:delete", {}), deletion(None, "ana")),
            (("chat:reaction", {"emoji": "👍", "action": "remove"}), reaction(None, add=False)),
        ]:
            asked = change_from(payload[0], self.ASKED | payload[1], "ana")
            assert asked == msgspec.structs.replace(change, timestamp_ms=0)

    @pytest.mark.parametrize(
        ("event", "content"),
        [("chat:edit", {}), ("chat:edit", {"text": 7}), ("chat:reaction", {"emoji": "👍"}), ("chat:pin", {}),
         ("chat:delete", {"changeId": None}), ("chat:delete", {"messageId": 7})],
    )  # fmt: skip
    def test_what_another_program_left_is_none_of_them(self, event, content):
        assert change_from(event, self.ASKED | content, "ana") is None


class TestAmending:
    def test_an_edit_changes_the_text_and_says_when(self):
        changed = amended(message(), edit(7))
        assert (changed.text, changed.edited_ms, changed.revision) == ("changed", 1007, 7)

    def test_a_deletion_leaves_the_bubble(self):
        gone = amended(amended(message(), reaction(7)), deletion(8))
        assert (gone.text, gone.is_deleted, gone.revision, gone.offset) == ("", True, 8, 3)
        assert gone.reactions == (Reaction("👍", ("ana",)),)

    @pytest.mark.clause("RT-CHAT-8")
    def test_reactions_stand_in_the_order_of_adding(self):
        steps = [reaction(4), reaction(5, "cleo", "🚋"), reaction(6, "ben"), reaction(7, add=False), reaction(8)]
        assert fold(message(), steps).reactions == (Reaction("👍", ("ben", "ana")), Reaction("🚋", ("cleo",)))

    def test_the_last_one_to_take_a_reaction_back_takes_the_emoji_away(self):
        assert fold(message(), [reaction(4), reaction(5, add=False)]).reactions == ()

    def test_a_reaction_that_changes_nothing(self):
        assert fold(message(), [reaction(4), reaction(5)]).reactions == (Reaction("👍", ("ana",)),)
        assert fold(message(), [reaction(4, add=False)]).reactions == ()

    def test_a_deleted_message_takes_no_more(self):
        gone = amended(message(), deletion(4))
        later = fold(gone, [edit(5), reaction(6)])
        assert (later.text, later.reactions, later.is_deleted, later.revision) == ("", (), True, 6)

    def test_what_shows_already_is_not_applied_again(self):
        brought = message(text="as it stands", revision=7)
        assert fold(brought, [edit(6), reaction(7)]) == brought
        assert fold(brought, [edit(8)]).text == "changed"

    def test_an_own_change_that_is_on_its_way_shows_and_is_no_revision(self):
        assert amended(message(revision=5), edit(None)).revision == 5
        assert amended(message(), edit(None)).text == "changed"

    def test_an_own_reaction_that_is_on_its_way_is_pending(self):
        assert amended(message(), reaction(None)).reactions == (Reaction("👍", ("ana",), pending=True),)
        both = fold(message(), [reaction(4), reaction(5, "ben")])
        assert amended(both, reaction(None, add=False)).reactions == (Reaction("👍", ("ben",), pending=True),)
        assert amended(both, reaction(None)).reactions == both.reactions, "it stands already"


def test_devices_in_one_process_share_the_strings_of_a_message():
    frame = b'{"messageId":"m-1","userId":"ana","text":"are you there?","timestamp":1,"offset":1}'
    first, second = (
        message_of(msgspec.json.decode(frame, type=LoggedMessage), room_id="lobby", user_id="ana", mine=False)
        for _ in range(2)
    )
    assert first.text is second.text
    assert first.message_id is second.message_id


def test_a_message_of_a_page_comes_as_it_stands():
    entry = LoggedMessage(
        message_id="m1", user_id="ben", text="changed", timestamp=1003, offset=3, revision=8, edited_at=1007,
        reactions={"👍": ("ana", "cleo")},
    )  # fmt: skip
    shown = message_of(entry, room_id="lobby", user_id="ben", mine=False)
    reactions = (Reaction("👍", ("ana", "cleo")),)
    assert shown == message(text="changed", revision=8, edited_ms=1007, reactions=reactions)
    own = message_of(entry, room_id="lobby", user_id="ben", mine=True)
    assert (own.mine, own.status) == (True, MessageStatus.SENT)


USERS = st.sampled_from(["ana", "ben", "cleo"])
CHANGES = st.one_of(
    st.tuples(st.just("chat:edit"), st.just("ben"), st.fixed_dictionaries({"text": st.sampled_from(["x", "y"])})),
    st.tuples(st.just("chat:delete"), st.just("ben"), st.just({})),
    st.tuples(
        st.just("chat:reaction"),
        USERS,
        st.fixed_dictionaries({"emoji": st.sampled_from("👍🚋"), "action": st.sampled_from(["add", "remove"])}),
    ),
)


@pytest.mark.clause("RT-CHAT-10")
@given(st.lists(CHANGES, max_size=10), st.data())
def test_a_device_that_hears_each_change_shows_what_a_page_of_the_server_has(changes, data):
    """Whenever it got the message, and whatever it is told again that shows already."""
    body = {"roomId": "lobby", "messageId": "m1", "userId": "ben", "text": "first", "timestamp": 1003, "offset": 3}
    stored = Stored(Appended(3, 1003), json.dumps(body).encode(), Amended())
    bodies, entries = [stored.body], []
    for offset, (event, user_id, content) in enumerate(changes, 4):
        draft = Draft(
            room_id="lobby", user_id=user_id, message_id=f"c{offset}", event=event, body=json.dumps(content).encode(),
            timestamp_ms=1000 + offset, origin="", about="m1",
        )  # fmt: skip
        try:
            done = amend(draft, offset, stored)
        except NotApplied:
            continue
        if isinstance(done, Appended):
            continue
        stored = done.message
        bodies.append(stored.body)
        entries.append(
            LoggedAmendment(
                event=event, message_id="m1", user_id=user_id, timestamp=1000 + offset, offset=offset, **content
            )
        )

    def brought(body):
        entry = msgspec.json.decode(body, type=LoggedMessage)
        return message_of(entry, room_id="lobby", user_id="ben", mine=False)

    at = data.draw(st.integers(0, len(entries)))  # a page brought it when so many had happened
    heard_from = data.draw(st.integers(0, at))  # and it hears all from here on
    heard = [change for entry in entries[heard_from:] if (change := read_amendment(entry)) is not None]
    assert fold(brought(bodies[at]), heard) == brought(stored.body)
