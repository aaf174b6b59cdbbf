"""From the name of an event to the function that handles it, and back with the answer."""

import asyncio

import msgspec
import pytest

from realtime.protocol.errors import RemoteProtocolError
from realtime.protocol.socketio import event_name
from realtime.server.events import EventTable
from realtime.server.messages import AppState, OkReply, PresenceUpdate, Refusal, SetTyping
from tests.server.fakes import fake_session
from tests.server.waiting import until

TYPING = b'["chat:typing",{"roomId":"r","isTyping":true}]'


def receive_raw(table, session, body, ack_id):
    """As a connection does it, which has looked for the name already."""
    table.receive_raw(session, event_name(body), body, ack_id)


@pytest.fixture
def table():
    return EventTable()


@pytest.fixture
def ana():
    return fake_session()


def test_a_built_in_event_is_decoded_into_its_type(table, ana):
    heard = []
    table.add("chat:typing", SetTyping, lambda session, payload, ack_id: heard.append((session, payload, ack_id)))
    receive_raw(table, ana, TYPING, 7)
    receive_raw(table, ana, b'[ "chat\\u003atyping" , {"roomId":"r","isTyping":true}]', None)
    table.receive(ana, "chat:typing", [{"roomId": "r", "isTyping": True}], 8)
    assert heard == [(ana, SetTyping("r", True), ack_id) for ack_id in (7, None, 8)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'["chat:typing",{"roomId":7,"isTyping":true}]', "`str`, got `int` - at `roomId`"),
        (b'["chat:typing"]', "one object"),
        (b'["chat:typing",{"roomId":"r","isTyping":true},2]', "one object"),
        (b'["chat:typing",null]', "object"),
        (b'["chat:typing",{"isTyping":true}]', "missing required field `roomId`"),
    ],
)
def test_a_payload_of_the_wrong_kind_is_refused_with_words_that_help(table, ana, body, words):
    table.add("chat:typing", SetTyping, lambda *_: pytest.fail("must not be called"))
    receive_raw(table, ana, body, 3)
    [(ack_id, answer)] = ana.link.take()
    assert ack_id == 3
    assert answer["error"]["code"] == "invalid_payload"
    assert answer["error"]["message"].startswith("chat:typing")
    assert words in answer["error"]["message"]
    receive_raw(table, ana, body, None)
    assert ana.link.take() == []


@pytest.mark.parametrize(
    ("event", "payload", "body", "words"),
    [
        ("app:state", AppState, b'["app:state",{"state":"inactive"}]', "at `state`; it is one of active, background"),
        ("presence:update", PresenceUpdate, b'["presence:update",{"status":"off"}]', "away, busy, invisible, online"),
    ],
)
def test_a_word_that_is_none_of_a_few_is_refused_with_those(table, ana, event, payload, body, words):
    table.add(event, payload, lambda *_: pytest.fail("must not be called"))
    receive_raw(table, ana, body, 3)
    [(_, answer)] = ana.link.take()
    assert words in answer["error"]["message"]


def test_bytes_where_text_belongs_are_refused_too(table, ana):
    table.add("chat:typing", SetTyping, lambda *_: pytest.fail("must not be called"))
    table.receive(ana, "chat:typing", [{"roomId": b"\x00", "isTyping": True}], 3)
    [(_, answer)] = ana.link.take()
    assert answer["error"]["code"] == "invalid_payload"
    table.receive(ana, "chat:typing", [], 4)
    [(_, answer)] = ana.link.take()
    assert "one object" in answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'["chat:typing",{"roomId":7,',
        b'["chat:typing",{"roomId":"r","isTyping":true}',
        b'["x",',
        b'["x",' + b"[" * 100_000,
        b'["x",1e999]',
    ],
)
def test_what_is_no_event_is_the_connections_end(table, ana, body):
    table.add("chat:typing", SetTyping, lambda *_: pytest.fail("must not be called"))
    with pytest.raises(RemoteProtocolError):
        receive_raw(table, ana, body, 3)
    assert ana.link.take() == []


def test_a_refusal_is_answered(table, ana):
    def refuse(session, payload, ack_id):
        raise Refusal("not_member", "join first")

    table.add("chat:typing", SetTyping, refuse)
    receive_raw(table, ana, TYPING, 3)
    assert ana.link.take() == [(3, {"ok": False, "error": {"code": "not_member", "message": "join first"}})]


def test_an_event_that_nobody_handles_is_answered(table, ana):
    receive_raw(table, ana, b'["hello",1]', 3)
    receive_raw(table, ana, b'["hello",1]', None)
    [(ack_id, answer)] = ana.link.take()
    assert (ack_id, answer["error"]["code"]) == (3, "unknown_event")
    assert "'hello'" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("chat:typo", "did you mean 'chat:typing'?"),
        ("mime", "did you mean 'mine'?"),
        ("sendMessage", "needs a handler: server.on("),
        ("chat:typing" * 100_000, "needs a handler: server.on("),
    ],
)
def test_an_event_that_nobody_handles_is_answered_with_what_may_be_meant(table, ana, event, words):
    table.add("chat:typing", SetTyping, lambda *_: None)
    table.on("mine", lambda *_: None)
    receive_raw(table, ana, f'["{event}",1]'.encode(), 3)
    [(_, answer)] = ana.link.take()
    assert words in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 300


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (None, ()),
        ("x", ("x",)),
        (["x", 1], (["x", 1],)),
        (("x", 1), ("x", 1)),
        ({"ok": True}, ({"ok": True},)),
        (0, (0,)),
    ],
)
def test_what_a_handler_returns_is_the_answer(table, ana, result, answer):
    table.on("hello", lambda session, *args: result)
    receive_raw(table, ana, b'["hello",1,2]', 3)
    receive_raw(table, ana, b'["hello",1,2]', None)
    assert ana.link.take() == [(3, *answer)]


def test_a_handler_gets_the_session_and_the_arguments(table, ana):
    heard = []
    assert table.on("hello", lambda *args: heard.append(args))
    receive_raw(table, ana, b'["hello",1,{"a":[]}]', None)
    table.receive(ana, "hello", [b"\x00"], None)
    assert heard == [(ana, 1, {"a": []}), (ana, b"\x00")]


async def test_an_async_handler_is_awaited_and_answers_later(table, ana):
    go = asyncio.Event()

    async def hello(session, word):
        await go.wait()
        return word.upper()

    table.on("hello", hello)
    receive_raw(table, ana, b'["hello","x"]', 3)
    await asyncio.sleep(0)
    assert ana.link.take() == []
    go.set()
    await until(lambda: ana.link.sent)
    assert ana.link.take() == [(3, "X")]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_handler_that_fails_is_logged_and_answered(table, ana, caplog, is_async):
    def fail(session):
        raise RuntimeError("a bug in the application")

    async def fail_later(session):
        fail(session)

    table.on("hello", fail_later if is_async else fail)
    receive_raw(table, ana, b'["hello"]', 3)
    await until(lambda: ana.link.sent)
    [(_, answer)] = ana.link.take()
    assert answer["error"]["code"] == "internal"
    assert "a bug" not in answer["error"]["message"]
    assert "a bug in the application" in caplog.text


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_handler_may_refuse(table, ana, caplog, is_async):
    def refuse(session):
        raise Refusal("closed", "come back tomorrow")

    async def refuse_later(session):
        refuse(session)

    table.on("hello", refuse_later if is_async else refuse)
    receive_raw(table, ana, b'["hello"]', 3)
    await until(lambda: ana.link.sent)
    assert ana.link.take() == [(3, {"ok": False, "error": {"code": "closed", "message": "come back tomorrow"}})]
    assert caplog.text == ""


def test_an_answer_that_cannot_be_sent_is_the_handlers_failure(table, ana, caplog):
    table.on("hello", lambda session: object())
    receive_raw(table, ana, b'["hello"]', 3)
    [(_, answer)] = ana.link.take()
    assert answer["error"]["code"] == "internal"
    assert "cannot be sent" in caplog.text


async def test_one_session_cannot_keep_any_number_of_handlers_running(table, ana):
    async def forever(session):
        await asyncio.Event().wait()

    table.on("hello", forever)
    for n in range(150):
        receive_raw(table, ana, b'["hello"]', n)
    answers = ana.link.take()
    assert len(answers) == 50
    assert answers[0][1]["error"]["code"] == "busy"
    ben = fake_session("ben")
    receive_raw(table, ben, b'["hello"]', 1)
    assert ben.link.take() == []
    await table.stop()
    assert len(asyncio.all_tasks()) == 1


def test_names_that_are_taken_are_refused(table):
    table.add("chat:typing", SetTyping, lambda *_: None)
    with pytest.raises(ValueError, match="built in"):
        table.on("chat:typing", lambda session: None)
    with pytest.raises(ValueError, match="connect_error"):
        table.on("connect_error", lambda session: None)
    with pytest.raises(TypeError, match="function"):
        table.on("hello", "not a function")


def test_connect_and_disconnect_can_be_handled(table, ana, caplog):
    heard = []
    table.on("connect", heard.append)
    table.on("disconnect", lambda session, reason: heard.append((session, reason)))
    table.tell("connect", ana)
    table.tell("disconnect", ana, "gone")
    assert heard == [ana, (ana, "gone")]
    table.on("connect", lambda session: 1 / 0)
    table.tell("connect", ana)
    assert "ZeroDivisionError" in caplog.text
    assert ana.link.take() == []


def test_an_answer_of_our_own_types_is_sent_as_json(table, ana):
    table.on("hello", lambda session: OkReply())
    receive_raw(table, ana, b'["hello"]', 3)
    assert ana.link.take() == [(3, {"ok": True})]
    assert msgspec.json.encode(OkReply()) == b'{"ok":true}'
