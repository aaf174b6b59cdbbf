"""What a phone and its server say to each other over a network that fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import (
    AckTimeout,
    ConnectionLost,
    SendRefused,
)
from realtime.connection.receipt import ReceiptStatus
from realtime.sim.world import World
from tests.connection.stage import CONNECTING, Phone, open_server, simulated


@pytest.mark.clause("RT-QUEUE-1")
@simulated(seeds=5)
async def test_ten_messages_said_offline_arrive_once_and_in_order(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    receipts = [ana.socket.emit("say", number, ack=number % 2 == 0) for number in range(3)]
    assert len(ana.socket.queued_messages) == 3
    await ana.connect()
    await world.until(5)
    world.unplug("ana")
    await world.until(60)
    assert ana.socket.state is ConnectionState.RECONNECTING
    receipts += [ana.socket.emit("say", number, ack=number % 2 == 0) for number in range(3, 10)]
    assert [message.args for message in ana.socket.queued_messages] == [(number,) for number in range(3, 10)]
    world.replug("ana")
    await world.until(120)
    assert peer.events == [["say", number] for number in range(10)]
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.ACKED, ReceiptStatus.SENT] * 5
    assert [await receipt for receipt in receipts] == [{"ok": True}, None] * 5
    assert ana.socket.queued_messages == ()


@pytest.mark.clause("RT-QUEUE-2")
@simulated()
async def test_unacknowledged_messages_are_written_again_before_newer_ones(world: World) -> None:
    peer = await open_server(world)
    peer.answer = lambda event, args: None  # hears everything, and never acknowledges
    ana = Phone(world)
    await ana.connect()
    first = [ana.socket.emit("say", number, ack=True) for number in range(3)]
    await world.until(5)
    assert repr(ana.socket) == "<SocketManager 'ana' CONNECTED unacked=3>"
    await peer.crash()
    ana.socket.emit("say", 3, ack=True)
    assert [receipt.status for receipt in first] == [ReceiptStatus.SENT] * 3  # the reset is still on its way
    await world.until(6)
    assert [receipt.status for receipt in first] == [ReceiptStatus.QUEUED] * 3
    peer.answer = lambda event, args: "yes"
    with world.on("server"):
        await peer.start()
    await world.until(30)
    assert [caller.events for caller in peer.callers] == [
        [["say", 0], ["say", 1], ["say", 2]],
        [["say", 0], ["say", 1], ["say", 2], ["say", 3]],
    ]
    assert [await receipt for receipt in first] == ["yes"] * 3


@simulated()
async def test_what_disconnect_leaves_in_the_outbox_goes_out_at_the_next_connect(world: World) -> None:
    peer = await open_server(world)
    peer.answer = lambda event, args: None
    ana = Phone(world)
    await ana.connect()
    receipt = ana.socket.emit("say", 1, ack=True)
    await world.until(5)
    await ana.disconnect()
    ana.socket.emit("say", 2)
    assert receipt.status is ReceiptStatus.QUEUED
    peer.answer = lambda event, args: "yes"
    await ana.connect()
    assert await receipt == "yes"
    assert peer.events == [["say", 1], ["say", 1], ["say", 2]]


@simulated()
async def test_a_thousand_messages_into_a_stalled_link_stay_bounded_and_arrive_in_order(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    world.outage("ana", for_s=20)
    text = "x" * 2000
    for number in range(1000):
        ana.socket.emit("say", number, text)
        await asyncio.sleep(0.001)
    # what the kernel and the write buffer do not take waits in the outbox, where it can be counted and taken back
    assert len(ana.socket.queued_messages) > 850
    refusals = 0
    for number in range(1000, 1300):
        try:
            ana.socket.emit("say", number, text)
        except SendRefused:
            refusals += 1
    assert len(ana.socket.queued_messages) == 1000
    await world.until(120)
    heard = [event[1] for event in peer.events]
    assert heard == list(range(1300 - refusals))
    assert ana.socket.queued_messages == ()
    assert ana.diary == CONNECTING


@simulated()
async def test_volatile_messages_are_dropped_while_there_is_no_connection(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    early = ana.socket.emit("typing", volatile=True)
    await ana.connect()
    on_time = ana.socket.emit("typing", volatile=True)
    await on_time
    await world.until(5)
    await peer.stop()
    await world.until(6)
    late = ana.socket.emit("typing", volatile=True)
    with world.on("server"):
        await peer.start()
    await world.until(60)
    assert peer.events == [["typing"]]
    assert [receipt.status for receipt in (early, on_time, late)] == ["failed", "sent", "failed"]
    with pytest.raises(SendRefused) as refused:
        await late
    assert refused.value.code == "volatile"


@simulated()
async def test_what_the_handlers_of_connect_say_volatile_goes_ahead_of_the_outbox(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    joined: list[Any] = []
    ana.socket.on("connect", lambda: ana.socket.emit("hello"))
    ana.socket.on("connect", lambda: joined.append(ana.socket.emit("join", ack=True, volatile=True)))
    ana.socket.emit("said before")
    await ana.connect()
    await world.until(1)
    assert peer.events == [["join"], ["said before"], ["hello"]]
    assert await joined[0] == {"ok": True}


@simulated()
async def test_a_volatile_question_is_lost_with_its_connection(world: World) -> None:
    peer = await open_server(world)
    peer.answer = lambda event, args: None
    ana = Phone(world)
    await ana.connect()
    question = ana.socket.emit("ask", ack=True, volatile=True)
    world.at(5).reset("ana")
    with pytest.raises(ConnectionLost, match="transport error"):
        await question


@simulated()
async def test_call_returns_the_answer_or_gives_up_in_time(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    peer.answer = lambda event, args: args[0] * 2
    assert await ana.socket.call("double", 21) == 42
    peer.answer = lambda event, args: None
    started = world.now_s
    with pytest.raises(AckTimeout, match=r"did not acknowledge 'double' within 3 s"):
        await ana.socket.call("double", 1, timeout_s=3)
    assert world.now_s == started + 3
    assert ana.socket.queued_messages == ()


@simulated()
async def test_call_while_offline_is_not_sent_after_its_time(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    with pytest.raises(AckTimeout):
        await ana.socket.call("late", timeout_s=3)
    await ana.connect()
    await world.until(10)
    assert peer.events == []


@simulated()
async def test_the_server_may_ask_and_the_handlers_value_answers(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def slowly(word: str) -> str:
        await asyncio.sleep(2)
        return word.upper()

    ana.socket.on("plain", lambda word: word + "!")
    ana.socket.on("slow", slowly)
    await ana.connect()
    for number, event in enumerate(["plain", "slow", "nobody"]):
        await peer.caller.emit(event, "hey", ack_id=number)
    await world.until(10)
    assert peer.caller.acks == [(0, ["hey!"]), (1, ["HEY"])]


@simulated()
async def test_an_answer_that_comes_after_its_connection_ended_is_dropped(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)

    async def slowly() -> str:
        await asyncio.sleep(20)
        return "late"

    ana.socket.on("slow", slowly)
    await ana.connect()
    await peer.caller.emit("slow", ack_id=1)
    world.at(10).reset("ana")
    await world.until(60)
    assert [caller.acks for caller in peer.callers] == [[], []]


@simulated()
async def test_a_handler_that_fails_hurts_nobody(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    heard: list[int] = []

    async def fail_later(number: int) -> None:
        raise RuntimeError("handler failed later")

    def fail(*args: Any) -> None:
        raise RuntimeError("handler failed")

    for event in ("news", "connect", "state_change"):
        ana.socket.on(event, fail)
    ana.socket.on("news", fail_later)
    ana.socket.on("news", heard.append)
    await ana.connect()
    for number in range(3):
        await peer.emit("news", number)
    await world.until(60)
    assert heard == [0, 1, 2]
    assert ana.diary == CONNECTING


@simulated()
async def test_a_handler_may_say_something_and_stop_listening(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    handler = ana.socket.on("ping-pong", lambda number: ana.socket.emit("ping-pong", number + 1))
    ana.socket.once("once", lambda: ana.socket.emit("once"))
    await ana.connect()
    for _ in range(2):
        await peer.emit("ping-pong", 1)
        await peer.emit("once")
    await world.until(5)
    ana.socket.off("ping-pong", handler)
    await peer.emit("ping-pong", 1)
    await world.until(10)
    assert peer.events == [["ping-pong", 2], ["once"], ["ping-pong", 2]]


@simulated()
async def test_a_server_cannot_fake_the_news_of_the_connection(world: World) -> None:
    peer = await open_server(world)
    ana = Phone(world)
    await ana.connect()
    await peer.emit("reconnect_failed", "fake")
    await world.until(5)
    assert ana.diary == CONNECTING


@simulated()
async def test_answers_can_be_listened_to_by_those_who_did_not_ask(world: World) -> None:
    peer = await open_server(world)
    peer.answer = lambda event, args: {"ok": args[0]} if args else None
    ana = Phone(world)
    heard: list[Any] = []
    stop = ana.socket.on_answer("join", lambda args, answer: heard.append((args, answer)))
    ana.socket.emit("join", "early", ack=True)
    await ana.connect()
    ana.socket.emit("join", "lobby", ack=True, volatile=True)
    ana.socket.emit("say", "hello", ack=True)
    ana.socket.emit("join", ack=True, volatile=True)
    await world.until(2)
    world.unplug("ana")
    ana.socket.emit("join", "late", ack=True, volatile=True)
    await world.until(100)
    world.replug("ana")
    await world.until(120)
    stop()
    ana.socket.emit("join", "unheard", ack=True)
    await world.until(125)
    assert heard == [(("early",), {"ok": "early"}), (("lobby",), {"ok": "lobby"})]
