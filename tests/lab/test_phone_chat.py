"""Chat from any thread and cell, over the real client."""

import asyncio
import threading

import pytest

from realtime.chat.message import MessageStatus, Reaction
from realtime.lab.background import BackgroundLoopError
from realtime.protocol.errors import LocalProtocolError


@pytest.fixture
def ana(lab):
    return lab.phone("ana")


@pytest.fixture
def ben(lab):
    return lab.phone("ben")


def test_a_message_gets_its_id_at_once_and_can_be_waited_for(lab, ana, ben):
    sent = ana.chat.send("lobby", "hi")
    message = sent.wait(10)
    assert message.message_id == sent.message_id
    assert message.status is MessageStatus.SENT
    assert sent.done
    assert repr(sent) == f"<Sent {sent.message_id!r} sent>"
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.texts == ("hi",))


def test_the_room_is_observable(lab, ana, ben):
    seen = []
    end = ben.chat.room("lobby").observe(lambda state: seen.append((threading.current_thread().name, state.texts)))
    ana.chat.send("lobby", "hi").wait(10)
    lab.wait_until(lambda: seen and seen[-1][1] == ("hi",))
    assert {thread for thread, _ in seen} == {"realtime-lab"}
    end()


@pytest.mark.clause("RT-CHAT-12")
def test_an_answer_names_what_it_answers(ana, ben):
    first = ana.chat.send("lobby", "coffee?").wait(10)
    answer = ben.chat.send("lobby", "yes", reply_to=first.message_id).wait(10)
    assert answer.reply_to == first.message_id


def test_handlers_hear_of_messages(lab, ana, ben):
    heard = []
    handler = ben.chat.on("message", lambda message: heard.append(message.text))
    ben.chat.once("message", lambda message: heard.append("once"))
    ana.chat.send("lobby", "one").wait(10)
    lab.wait_until(lambda: len(heard) == 2)
    ben.chat.off("message", handler)
    ana.chat.send("lobby", "two").wait(10)
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.texts == ("one", "two"))
    assert heard == ["one", "once"]


def test_a_handler_may_answer_although_it_runs_on_the_loops_thread(lab, ana, ben):
    ben.chat.on("message", lambda message: ben.chat.send("lobby", f"re: {message.text}"))
    ana.chat.send("lobby", "hi")
    lab.wait_until(lambda: ana.chat.room("lobby").snapshot.texts == ("hi", "re: hi"))


def test_waiting_in_a_handler_is_refused_instead_of_freezing_the_lab(lab, ana, ben):
    refused = []

    def handler(message):
        with pytest.raises(BackgroundLoopError):
            ben.chat.send("lobby", "re").wait(1)
        refused.append(message)

    ben.chat.on("message", handler)
    ana.chat.send("lobby", "hi")
    lab.wait_until(lambda: refused)


async def test_a_message_can_be_awaited_on_any_loop(lab):
    ana = await asyncio.to_thread(lab.phone, "ana")
    message = await asyncio.wait_for(ana.chat.send("lobby", "hi"), 10)
    assert message.text == "hi"

    async def on_the_labs_loop():
        return await ana.chat.send("lobby", "ho")

    assert (await asyncio.to_thread(lab.background.run, on_the_labs_loop())).text == "ho"


def test_typing_is_seen_by_others(lab, ana, ben):
    ana.chat.typing("lobby")
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.typing == ("ana",))
    ana.chat.typing("lobby", False)
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.typing == ())


def test_rooms_are_joined_left_and_marked_read(lab, ana, ben):
    assert ana.chat.rooms == ("lobby",)
    assert ana.chat.join("tram").joined
    ben.chat.join("tram")
    ben.chat.send("tram", "hi").wait(10)
    lab.wait_until(lambda: ana.chat.room("tram").snapshot.unread == 1)
    ana.chat.mark_read("tram")
    assert ana.chat.room("tram").snapshot.unread == 0
    ana.chat.leave("tram")
    assert ana.chat.rooms == ("lobby",)
    with pytest.raises(LocalProtocolError, match="tram"):
        ana.chat.send("tram", "am I still here?")


def test_offline_a_message_waits_and_may_be_discarded(ana):
    ana.network.offline()
    sent = ana.chat.send("lobby", "never mind")
    with pytest.raises(TimeoutError):
        sent.wait(0.1)
    assert not sent.done
    assert ana.chat.discard(sent.message_id)
    assert not ana.chat.discard(sent.message_id)
    assert ana.chat.room("lobby").snapshot.texts == ()


def test_messages_are_edited_reacted_to_and_taken_away(lab, ana, ben):
    said = ana.chat.send("lobby", "helo").wait(10)
    assert ana.chat.edit("lobby", said.message_id, "hello").wait(10).text == "hello"
    shown = ben.chat.room("lobby")
    lab.wait_until(lambda: shown.snapshot.texts == ("hello",))
    assert ben.chat.react("lobby", said.message_id, "👍").wait(10).reactions == (Reaction("👍", ("ben",)),)
    ben.chat.unreact("lobby", said.message_id, "👍").wait(10)
    lab.wait_until(lambda: ana.chat.room("lobby").snapshot.messages[0].revision == 4)
    assert ana.chat.room("lobby").snapshot.messages[0].reactions == ()
    with pytest.raises(LocalProtocolError, match="ana wrote it"):
        ben.chat.delete("lobby", said.message_id)
    assert ana.chat.delete("lobby", said.message_id).wait(10).is_deleted


def test_who_read_what_is_seen(lab, ana, ben):
    said = ana.chat.send("lobby", "hi").wait(10)
    lab.wait_until(lambda: ana.chat.room("lobby").snapshot.messages[0].status is MessageStatus.DELIVERED)
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.unread == 1)
    assert ben.chat.mark_read("lobby", up_to=said.offset)
    lab.wait_until(lambda: ana.chat.room("lobby").snapshot.messages[0].status is MessageStatus.READ)


def test_older_messages_are_loaded_and_all_are_a_frame(lab, ana):
    for number in range(60):
        ana.chat.send("lobby", str(number))
    lab.wait_until(lambda: not ana.chat.room("lobby").snapshot.unsent)
    ben = lab.phone("ben")
    assert ben.chat.room("lobby").snapshot.has_older, "a first page has 50"
    assert not ben.chat.load_older("lobby")
    assert list(ben.chat.to_frame("lobby")["text"]) == [str(number) for number in range(60)]
    assert ben.chat.to_frame().equals(ben.chat.to_frame("lobby"))


def test_there_is_nothing_to_retry_when_all_is_sent(ana):
    sent = ana.chat.send("lobby", "hi")
    sent.wait(10)
    assert not ana.chat.retry(sent.message_id)


def test_its_repr_is_the_clients(ana):
    assert repr(ana.chat) == "<PhoneChat 'ana' rooms=lobby unsent=0>"
