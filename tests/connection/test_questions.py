"""Questions are for one connection only, and go ahead of the outbox where they can."""

import pytest

from realtime.connection.errors import ConnectionLost
from realtime.connection.questions import Questions
from realtime.connection.verdict import DoneReply
from tests.fake_socket import FakeSocket


@pytest.fixture
def socket():
    return FakeSocket()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def ask(socket, heard):
    questions = Questions(socket)
    socket.on("connect", questions.another_connection)
    socket.on("disconnect", lambda reason: questions.another_connection())

    def ask():
        return questions.ask(
            "room:leave",
            {"roomId": "r"},
            DoneReply,
            lambda reply: heard.append("answered"),
            lambda error: heard.append(error.code),
        )

    return ask


def test_an_answer_is_read_and_handed_on(socket, ask, heard):
    ask()
    assert socket.asked[0].volatile
    socket.answer("room:leave")
    assert heard == ["answered"]


@pytest.mark.parametrize(("reply", "code"), [({"ok": False, "error": {"code": "no", "message": ""}}, "no"),
                                             (7, "malformed_ack")])  # fmt: skip
def test_a_refusal_is_handed_on(socket, ask, heard, reply, code):
    ask()
    socket.answer("room:leave", reply)
    assert heard == [code]


def test_a_question_that_is_lost_with_its_connection_is_forgotten(socket, ask, heard):
    ask()
    [asked] = socket.outbox
    asked.receipt.failed(ConnectionLost("ping timeout"))
    socket.disconnect()
    assert heard == []


def test_on_a_busy_connection_it_queues_and_is_taken_back_with_the_connection(socket, ask, heard):
    socket.busy = True
    ask()
    assert not socket.outbox[0].volatile
    socket.answer("room:leave")
    assert heard == ["answered"]
    ask()
    socket.disconnect()
    assert socket.outbox == []
    assert heard == ["answered"]


def test_an_answer_that_comes_after_its_connection_is_ignored(socket, ask, heard):
    ask()
    [asked] = socket.outbox
    socket.outbox.clear()
    socket.disconnect()
    asked.receipt.acked({"ok": True})
    assert heard == []


def test_what_the_servers_storage_could_not_answer_is_asked_again_from_the_outbox(socket, ask, heard):
    ask()
    socket.refuse("room:leave", "storage_failed")
    assert heard == []
    [_, again] = socket.asked
    assert not again.volatile
    assert again.payload == {"roomId": "r"}
    socket.answer("room:leave")
    assert heard == ["answered"]


def test_a_question_that_was_asked_again_is_forgotten_with_its_connection(socket, ask, heard):
    ask()
    socket.refuse("room:leave", "storage_failed")
    socket.disconnect()
    assert (socket.outbox, heard) == ([], [])


@pytest.mark.parametrize("busy", [False, True])
def test_a_question_can_be_forgotten(socket, ask, heard, busy):
    """One that was written is answered for nobody; one that waits in the outbox is taken back."""
    socket.busy = busy
    forget = ask()
    asked = socket.asked[-1]
    forget()
    assert socket.outbox == []
    asked.receipt.acked({"ok": True})
    assert heard == []
