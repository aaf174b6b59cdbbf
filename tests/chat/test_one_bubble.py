"""A message has one bubble at each device, from the send to the deletion, whatever the network does."""

import asyncio

import pytest

from tests.simulated_phones import play


class Screen:
    """Everything that a device showed of its one message."""

    def __init__(self, phone):
        self.ids = set()  # of all bubbles that were on the screen at one time
        self.looks = []  # status and text, as they changed
        phone.chat.room("lobby").observe(self.look)

    def look(self, state):
        self.ids.add(tuple(message.message_id for message in state.messages))
        for message in state.messages:
            look = message.status.value, "(deleted)" if message.is_deleted else message.text
            if self.looks[-1:] != [look]:
                self.looks.append(look)


@pytest.mark.clause("RT-CHAT-5", "RT-CHAT-10")
def test_from_the_tunnel_to_the_deletion():
    """The tunnel is longer than the 5 s until a message fails; TCP, whose pauses double, is through in 42 s."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben", profile="wifi")
        hers, his = Screen(ana), Screen(ben)
        world.outage("ana", for_s=12)
        [result] = ana.send("helo")
        await asyncio.sleep(42)
        for phone, change in (
            (ben, lambda: ben.chat.mark_read("lobby")),
            (ana, lambda: ana.chat.edit_message("lobby", result.message_id, "hello")),
            (ana, lambda: ana.chat.delete_message("lobby", result.message_id)),
        ):
            with world.on(phone.host):
                change()
            await asyncio.sleep(10)
        assert hers.ids <= {(), (result.message_id,)}
        assert his.ids <= {(), (result.message_id,)}
        return hers.looks, his.looks

    hers, his = play(script).result
    assert hers == [
        ("pending", "helo"),
        ("failed", "helo"),
        ("sent", "helo"),
        ("delivered", "helo"),
        ("read", "helo"),
        ("read", "hello"),
        ("read", "(deleted)"),
    ]
    assert his == [("received", "helo"), ("received", "hello"), ("received", "(deleted)")]


@pytest.mark.clause("RT-CHAT-5", "RT-CHAT-12")
@pytest.mark.parametrize("seed", range(4))
def test_on_a_very_bad_network_with_breaks_and_naps(seed):
    """A question and its answer: two bubbles, whichever acknowledgements and connections are lost."""

    async def script(world, town):
        rng = world.rng("faults")
        ana, ben = await town.phone("ana", profile="very-bad"), await town.phone("ben", profile="edge")
        shown = {"ana": set(), "ben": set()}
        for phone in (ana, ben):
            its = shown[phone.host]
            phone.chat.room("lobby").observe(lambda state, its=its: its.update(_twice(state)))
        start_s = world.now_s
        for phone in (ana, ben):
            world.at(start_s + rng.uniform(0, 3)).reset(phone.host)
            world.at(start_s + rng.uniform(3, 6)).outage(phone.host, for_s=rng.uniform(1, 20))
            world.at(start_s + rng.uniform(30, 35), phone.background)
            world.at(start_s + rng.uniform(36, 40), phone.foreground)
        [question] = ana.send("who brings the tent?")
        with world.on("ben"):
            answer = ben.chat.send_message("lobby", "I do", reply_to=question.message_id)
            ben.chat.edit_message("lobby", answer.message_id, "we do")
        await asyncio.sleep(50)
        await town.settle()
        await asyncio.sleep(30)
        for phone in (ana, ben):
            assert shown[phone.host] == set(), "a bubble stood twice"
            found = {message.message_id: message for message in phone.room.messages}
            assert set(found) == {question.message_id, answer.message_id}
            assert found[answer.message_id].reply_to == question.message_id
            assert found[answer.message_id].text == "we do"
        return sum(phone.states.count("RECONNECTING") for phone in (ana, ben))

    assert play(script, seed=seed).result > 0


def _twice(state):
    ids = [message.message_id for message in state.messages]
    return {each for each in ids if ids.count(each) > 1}
