"""What components do runs where the connection lives; what is refused shows."""

import asyncio
import threading

import pytest
import reacton

from realtime.chat.chat_client import ChatClient
from realtime.connection.socket_manager import SocketManager
from realtime.hooks import acts as acts_module
from realtime.hooks.acts import Acts, use_acts
from realtime.lab.background import BackgroundLoop
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.presence.presence_tracker import PresenceTracker
from realtime.protocol.errors import LocalProtocolError
from tests.hooks.watching import Shows
from tests.server.waiting import until


@pytest.fixture
def background():
    loop = BackgroundLoop("test-loop")
    yield loop
    loop.stop()


def fail():
    raise ValueError("not like this")


async def fail_later():
    await asyncio.sleep(0)
    fail()


@pytest.mark.clause("RT-HOOK-3")
async def test_on_another_threads_loop_it_is_done_there_and_nobody_waits(background):
    acts, done, go_on = Acts(background.loop), [], threading.Event()
    background.loop.call_soon_threadsafe(go_on.wait, 30)
    acts.do(lambda *args: done.append((*args, threading.current_thread())), 1, 2)
    assert done == []
    go_on.set()
    await until(lambda: done)
    assert done == [(1, 2, background.thread)]


async def test_on_the_very_same_loop_it_is_done_at_once():
    acts, done = Acts(asyncio.get_running_loop()), []
    acts.do(done.append, 1)
    assert done == [1]
    assert acts.ask(lambda: "answer") == "answer"


@pytest.mark.clause("RT-HOOK-4")
@pytest.mark.parametrize("failing", [fail, fail_later])
async def test_what_is_refused_shows_until_the_next_act(background, caplog, failing):
    shows = Shows(use_acts, None, background.loop)
    with shows.mounted():
        acts, error = shows.last
        assert error is None
        acts.do(failing)
        await until(lambda: str(shows.last[1]) == "not like this")
        acts.do(lambda: None)
        await until(lambda: shows.last[1] is None)
        assert {each[0] for each in shows.values} == {acts}
    assert "what a component asked for was not done: not like this" in caplog.text
    assert shows.threads == {threading.current_thread()}


async def test_after_the_loops_end_that_is_what_shows(caplog):
    loop = asyncio.new_event_loop()
    loop.close()
    acts = Acts(loop)
    acts.do(fail)
    assert "closed" in str(acts.error.snapshot)


async def test_a_cancelled_act_is_no_refusal(background, caplog):
    acts, began = Acts(background.loop), threading.Event()

    async def forever():
        began.set()
        await asyncio.Event().wait()

    acts.do(forever)
    assert began.wait(30)
    await asyncio.to_thread(background.stop)
    assert acts.error.snapshot is None
    assert caplog.text == ""


def test_an_answer_comes_from_the_other_loop_with_its_errors(background):
    acts = Acts(background.loop)
    assert acts.ask(threading.current_thread) is background.thread
    with pytest.raises(ValueError, match="not like this"):
        acts.ask(fail)


def test_a_loop_that_cannot_answer_is_told_of(background, monkeypatch):
    monkeypatch.setattr(acts_module, "ANSWER_S", 0.05)
    go_on = threading.Event()
    background.loop.call_soon_threadsafe(go_on.wait, 30)
    with pytest.raises(LocalProtocolError, match=r"did not answer within 0\.05 s: something blocks it"):
        Acts(background.loop).ask(lambda: 1)
    go_on.set()
    loop = asyncio.new_event_loop()
    with pytest.raises(LocalProtocolError, match="does not run"):
        Acts(loop).ask(lambda: 1)
    loop.close()


def test_where_no_loop_runs_a_clients_loop_must_be_named(background):
    shows = Shows(use_acts, "the client", None)
    with pytest.raises(LocalProtocolError, match=r"say with loop=… on which one 'the client' lives"):
        reacton.render_fixed(shows.component(), handle_error=False)


async def test_a_client_that_connects_on_another_loop_is_called_there_from_then_on(background):
    async def connect(socket):
        await socket.connect(wait=False)

    socket = SocketManager("http://127.0.0.1:1")
    shows, done = Shows(use_acts, socket, None), []
    with shows.mounted() as context:
        shows.last[0].do(lambda: done.append(threading.current_thread()))
        background.run(connect(socket))
        context.render(shows.component((socket,), {"loop": None}))
        shows.last[0].do(lambda: done.append(threading.current_thread()))
        await until(lambda: done == [threading.current_thread(), background.thread])
    background.run(socket.disconnect())


@pytest.mark.parametrize(
    "make", [lambda s: ChatClient(s, user_id="ana"), PresenceTracker, lambda s: LiveLocationTracker(s, user_id="ana")]
)
def test_a_client_lives_where_its_connection_does(background, make):
    async def made():
        socket = SocketManager("http://127.0.0.1:1")
        await socket.connect(wait=False)
        return make(socket)

    client = background.run(made())
    shows = Shows(use_acts, client, None)
    with shows.mounted():
        assert shows.last[0].ask(threading.current_thread) is background.thread
    background.run(client.socket.disconnect())
