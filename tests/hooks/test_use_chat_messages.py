"""A room's messages in a component: through outages and the background, once and in order, from any thread."""

import threading

import pytest

from realtime.chat.message import MessageStatus
from realtime.hooks.use_chat_messages import use_chat_messages
from tests.hooks.watching import Shows, followers
from tests.lab.sim_town import play
from tests.server.waiting import until

PENDING, SENT = MessageStatus.PENDING, MessageStatus.SENT


def texts(shows):
    return [message.text for message in shows.last.messages]


def statuses(shows):
    """Of the last message, as it changed from render to render."""
    found = [value.messages[-1].status for value in shows.values if value.messages]
    return [status for status, before in zip(found, [None, *found], strict=False) if status is not before]


# --- in the simulated world, where the client lives on the very same loop


def test_what_is_sent_in_an_outage_shows_as_pending_then_failed_then_sent():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            town.world.outage("ana", for_s=20)
            shows.last.send("in a tunnel")
            await town.world.until(town.world.now_s + 60)
            assert ben.app.chat.room("lobby").snapshot.texts == ("in a tunnel",)
            assert shows.last.unsent == ()
        return statuses(shows)

    assert play(script) == [PENDING, MessageStatus.FAILED, SENT, MessageStatus.DELIVERED]


@pytest.mark.clause("RT-HOOK-1")
def test_what_came_during_an_outage_appears_once_and_in_order():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            town.world.unplug("ana")
            for n in range(300):
                town.send(ben, str(n))
                await town.world.until(town.world.now_s + 0.1)
            assert texts(shows) == []
            renders = len(shows.values)
            town.world.replug("ana")
            await town.world.until(town.world.now_s + 60)
            assert texts(shows) == [str(n) for n in range(300)]
        return len(shows.values) - renders

    # It caught up by two pages; what is told besides (joined, markers) changes seldom.
    assert play(script) < 30


def test_a_thousand_messages_in_a_second_are_not_a_thousand_renders():
    async def script(town):
        ana, ben = await town.phone("ana", profile="wifi"), await town.phone("ben", profile="wifi")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            started_s = town.world.now_s
            town.send(ben, *(str(n) for n in range(1000)))
            await town.world.eventually(lambda: len(shows.last.messages) == 1000, within_s=60)
            assert texts(shows) == [str(n) for n in range(1000)]
            took_s = town.world.now_s - started_s
        return len(shows.values), took_s / 0.04 + 3

    renders, most = play(script)
    assert renders < most
    assert renders < 100


def test_the_background_and_back():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            town.world.background("ana", for_s=60)
            await town.world.until(town.world.now_s + 5)
            assert not shows.last.joined
            town.send(ben, "are you there?", "hello?")
            shows.last.mark_read()  # nobody looks: nothing is read
            await town.world.until(town.world.now_s + 30)
            assert (texts(shows), shows.last.unread) == ([], 0)
            await town.world.until(town.world.now_s + 60)
            assert (texts(shows), shows.last.unread) == (["are you there?", "hello?"], 2)
            shows.last.mark_read()
            await town.world.until(town.world.now_s + 5)
            assert (shows.last.joined, shows.last.unread) == (True, 0)

    play(script)


def test_two_rooms_are_two_and_another_room_is_joined_and_shown_instead():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben", rooms=("lobby", "kitchen"))
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted() as context:
            lobby = ana.app.chat.room("lobby")
            assert followers(lobby) == 2, "this component, and the notes of what is seen"
            context.render(shows.component((ana.app.chat, "kitchen")))
            assert (shows.last.room_id, texts(shows)) == ("kitchen", [])
            await town.world.until(town.world.now_s + 5)
            assert shows.last.joined
            assert ana.app.chat.rooms == ("lobby", "kitchen")
            assert (followers(lobby), followers(ana.app.chat.room("kitchen"))) == (1, 1)
            count = len(shows.values)
            town.send(ben, "in the lobby")
            await town.world.until(town.world.now_s + 5)
            assert len(shows.values) == count
            town.send(ben, "in the kitchen", room="kitchen")
            await town.world.until(town.world.now_s + 5)
            assert texts(shows) == ["in the kitchen"]
            shows.last.send("me too")
            await town.world.until(town.world.now_s + 5)
            assert ben.app.chat.room("kitchen").snapshot.texts == ("in the kitchen", "me too")
        assert followers(ana.app.chat.room("kitchen")) == 0

    play(script)


@pytest.mark.clause("RT-HOOK-2")
def test_nothing_is_rendered_after_the_end():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            pass
        count = len(shows.values)
        town.send(ben, "hello")
        await town.world.until(town.world.now_s + 5)
        assert ana.app.chat.room("lobby").snapshot.texts == ("hello",)
        return len(shows.values) - count

    assert play(script) == 0


def test_a_room_that_was_joined_is_not_joined_again():
    async def script(town):
        ana, joins = await town.phone("ana"), []
        ana.app.socket.on_answer("room:join", lambda args, answer: joins.append(args[0]["roomId"]))
        with ana.inside():
            for room_id in ("lobby", "kitchen", "kitchen"):
                with Shows(use_chat_messages, ana.app.chat, room_id).mounted():
                    await town.world.until(town.world.now_s + 5)
        return joins

    assert play(script) == ["kitchen"]


def test_others_typing_and_coming_render_nothing():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            count = len(shows.values)
            with ben.inside():
                ben.app.chat.set_typing("lobby", True)
            await town.phone("cleo")
            await town.world.until(town.world.now_s + 10)
        return len(shows.values) - count

    assert play(script) == 0


def test_whoever_reads_a_message_shows():
    async def script(town):
        ana, *others = [await town.phone(name) for name in ("ana", "ben", "cleo")]
        shows = Shows(use_chat_messages, ana.app.chat, "lobby")
        with ana.inside(), shows.mounted():
            shows.last.send("hello")
            readers = []
            for each in others:
                await town.world.until(town.world.now_s + 10)
                with each.inside():
                    each.app.chat.mark_read("lobby")
                await town.world.until(town.world.now_s + 10)
                readers.append(sorted(shows.last.read_by(shows.last.messages[0])))
        return readers

    assert play(script) == [["ben"], ["ben", "cleo"]]


# --- live, where the client lives on the lab's loop, and the component on the test's


@pytest.mark.clause("RT-HOOK-3")
async def test_a_component_sends_on_the_labs_loop_and_renders_on_its_own(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    shows = Shows(use_chat_messages, ana, "lobby")
    with shows.mounted():
        shows.last.send("hello")
        await until(lambda: shows.values[-1].messages and shows.last.messages[0].status is MessageStatus.DELIVERED)
        ben.chat.send("lobby", "hello yourself").wait(10)
        await until(lambda: texts(shows) == ["hello", "hello yourself"])
        shows.last.mark_read()
        await until(lambda: shows.last.unread == 0)
        assert shows.last.delivered_to(shows.last.messages[0]) == ("ben",)
        assert shows.last.read_by(shows.last.messages[0]) == ()
    assert shows.threads == {threading.current_thread()}
    assert len(lab.messages()) == 2, "the lab's records know what was sent"


async def test_messages_are_edited_reacted_to_and_deleted(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    shows = Shows(use_chat_messages, ana, "lobby")
    with shows.mounted():
        shows.last.send("helo")
        await until(lambda: shows.last.messages and not shows.last.unsent)
        [first] = shows.last.messages
        shows.last.edit(first.message_id, "hello")
        shows.last.react(first.message_id, "👋")
        bens = ben.chat.room("lobby")
        await until(lambda: bens.snapshot.texts == ("hello",) and bens.snapshot.messages[0].reactions)
        shows.last.unreact(first.message_id, "👋")
        await until(lambda: not bens.snapshot.messages[0].reactions)
        shows.last.delete(first.message_id)
        await until(lambda: shows.last.messages[0].is_deleted and bens.snapshot.messages[0].is_deleted)
        assert shows.last.error is None
        assert shows.last.gaps == ()


@pytest.mark.clause("RT-HOOK-4")
async def test_what_is_refused_is_said(lab, caplog):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    sent = ben.chat.send("lobby", "mine").wait(10)
    shows = Shows(use_chat_messages, ana, "lobby")
    with shows.mounted():
        await until(lambda: texts(shows) == ["mine"])
        for act, words in (
            (lambda room: room.send("  "), "the message is empty"),
            (lambda room: room.edit(sent.message_id, "not mine"), "only its author may change it"),
            (lambda room: room.load_older(1000), "a page has 1 to 200 entries"),
        ):
            act(shows.last)
            await until(lambda words=words: words in str(shows.last.error))
        shows.last.send("all is well")
        await until(lambda: texts(shows) == ["mine", "all is well"] and shows.last.error is None)


async def test_unsent_messages_are_discarded_and_retried(lab):
    ana = lab.phone("ana")
    shows = Shows(use_chat_messages, ana, "lobby")
    with shows.mounted():
        ana.network.offline()
        shows.last.send("never mind")
        shows.last.send("I am late")
        await until(lambda: [message.status for message in shows.last.unsent] == [PENDING, PENDING])
        never_mind, late = (message.message_id for message in shows.last.unsent)
        shows.last.discard(never_mind)
        ana.network.online()
        shows.last.retry(late)
        await until(lambda: [message.status for message in shows.last.messages] == [SENT])


async def test_older_messages_are_loaded(lab):
    ben = lab.phone("ben")
    for n in range(60):
        sent = ben.chat.send("lobby", str(n))
    sent.wait(10)
    cleo = lab.phone("cleo")
    shows = Shows(use_chat_messages, cleo, "lobby")
    with shows.mounted():
        await until(lambda: len(shows.last.messages) == 50 and shows.last.has_older)
        shows.last.load_older()
        await until(lambda: texts(shows) == [str(n) for n in range(60)])
        assert not shows.last.has_older
        assert (shows.last.behind, shows.last.mentioned) == (0, 0)


async def test_a_phones_room_is_joined_as_the_phone_does_it(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ben.chat.join("attic")
    shows = Shows(use_chat_messages, ana, "attic")
    with shows.mounted():
        await until(lambda: shows.last.joined)
        assert "attic" in ana.chat.rooms
        await until(lambda: ana.presence.tracker.room("attic").snapshot.users == ("ana", "ben"))


async def test_a_plain_client_that_lives_on_another_threads_loop_is_called_there(lab):
    """The component is rendered on a loop of its own, as in a cell."""
    ana, ben = lab.phone("ana"), lab.phone("ben")
    shows = Shows(use_chat_messages, ana.chat.client, "lobby")
    with shows.mounted():
        shows.last.send("hello")
        await until(lambda: ben.chat.room("lobby").snapshot.texts == ("hello",))
        await until(lambda: texts(shows) == ["hello"])


def test_a_phone_of_the_simulated_world_is_a_phone():
    async def script(town):
        ana = await town.phone("ana")
        shows = Shows(use_chat_messages, ana.app, "lobby")
        with ana.inside(), shows.mounted():
            shows.last.send("hello")
            await town.world.until(town.world.now_s + 5)
        return texts(shows)

    assert play(script) == ["hello"]
