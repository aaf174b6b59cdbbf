"""A lab in one call: a real server, real sockets, real proxies, plain calls."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading

import pytest

import realtime.lab
from realtime.connection.app_state import BackgroundPolicy
from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import ConnectTimeout
from realtime.lab.background import background_loop
from realtime.network.profiles import ProfileError
from realtime.server.realtime_server import RealtimeServer


def test_two_phones_talk(lab):
    ana = lab.phone("ana", profile="lte")
    ben = lab.phone("ben", profile="3g")
    ana.chat.send("lobby", "hi")
    lab.wait_until(lambda: ben.chat.room("lobby").snapshot.texts == ("hi",))
    assert ana.connected
    assert ana.state is ConnectionState.CONNECTED
    assert lab.phones == {"ana": ana, "ben": ben}
    assert ana.network.profile == "lte"


def test_everything_runs_on_one_thread_beside(lab):
    lab.phone("ana")
    other = realtime.lab.start()
    other.phone("ana")
    assert lab.background is other.background is background_loop()
    assert sum(thread.name == "realtime-lab" for thread in threading.enumerate()) == 1
    other.close()
    assert lab.phone("ana").connected


def test_a_phone_of_the_same_name_is_the_same_phone(lab):
    ana = lab.phone("ana", profile="wifi")
    assert lab.phone("ana", profile="3g") is ana, "a cell may be run again"
    assert ana.network.profile == "3g"
    with pytest.raises(ValueError, match=r"'ana' exists.*close"):
        lab.phone("ana", background=BackgroundPolicy.KEEP)
    ana.close()
    ana.close()
    assert lab.phones == {}
    assert lab.phone("ana") is not ana


def test_two_phones_of_one_user(lab):
    ana = lab.phone("ana")
    tablet = lab.phone("tablet", user_id="ana")
    ana.chat.send("lobby", "hi").wait(10)
    lab.wait_until(lambda: tablet.chat.room("lobby").snapshot.texts == ("hi",))
    assert tablet.chat.room("lobby").snapshot.messages[0].mine


def test_wrong_options_are_refused_and_leave_nothing(lab):
    with pytest.raises(ProfileError):
        lab.phone("ana", profile="nope")
    with pytest.raises(TypeError, match="colour"):
        lab.phone("ana", colour="red")
    assert lab.phones == {}
    with pytest.raises(TypeError, match="ping_intervall_s"):
        realtime.lab.start(ping_intervall_s=3)


def test_a_server_that_does_not_answer_is_said(lab):
    lab.background.run(lab.server.stop())
    with pytest.raises(ConnectTimeout):
        lab.phone("ana", connection_timeout_s=0.5)
    assert lab.phones == {}


def test_a_phone_may_come_without_a_connection(lab):
    ana = lab.phone("ana", connect=False)
    assert ana.state is ConnectionState.DISCONNECTED
    ana.connect()
    assert ana.connected
    assert ana.chat.room("lobby").snapshot.joined
    ana.disconnect()
    assert not ana.connected


def test_rooms_are_joined_from_the_start():
    with realtime.lab.start(rooms=("lobby", "tram")) as lab:
        assert lab.phone("ana").chat.rooms == ("lobby", "tram")
        assert lab.phone("ben", rooms=()).chat.rooms == ()


@pytest.mark.clause("RT-NET-3")
def test_offline_is_noticed_by_the_device_and_nothing_is_lost(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.network.offline()
    lab.wait_until(lambda: ana.state is ConnectionState.SUSPENDED)
    sent = ana.chat.send("lobby", "from the tunnel")
    ben.chat.send("lobby", "where are you?").wait(10)
    ana.network.online()
    assert sent.wait(20).text == "from the tunnel"
    lab.wait_until(lambda: set(ana.chat.room("lobby").snapshot.texts) == {"from the tunnel", "where are you?"})
    lab.wait_until(lambda: ana.chat.room("lobby").snapshot.texts == ben.chat.room("lobby").snapshot.texts)


@pytest.mark.clause("RT-NET-3")
def test_unplugged_the_device_notices_nothing_until_its_heartbeat_fails():
    with realtime.lab.start(seed=1, ping_interval_s=0.5, ping_timeout_s=2.5) as lab:
        ana, ben = lab.phone("ana"), lab.phone("ben")
        ana.network.unplug()
        assert ana.connected
        sent = ana.chat.send("lobby", "hello?")
        lab.wait_until(lambda: not ana.connected)
        ana.network.replug()
        sent.wait(30)
        lab.wait_until(lambda: ben.chat.room("lobby").snapshot.texts == ("hello?",))
        assert lab.delivery_report().duplicates.sum() == 0


@pytest.mark.clause("RT-NET-3")
def test_a_reset_is_survived(lab):
    ana = lab.phone("ana")
    ana.network.reset()
    lab.wait_until(lambda: "disconnect" in set(lab.to_frame().event))
    lab.wait_until(lambda: ana.connected)
    ana.chat.send("lobby", "still here").wait(20)


def test_the_app_goes_to_the_background_and_returns(lab):
    ana = lab.phone("ana")
    ana.background()
    lab.wait_until(lambda: ana.state is ConnectionState.SUSPENDED)
    ana.foreground()
    lab.wait_until(lambda: ana.connected)
    assert [event for event in lab.session().event if event in ("background", "active")] == ["background", "active"]


def test_the_network_is_sampled(lab):
    ana = lab.phone("ana", profile="lte")
    lab.wait_until(lambda: len(ana.network.samples.snapshot) >= 2)
    first, second = ana.network.samples.snapshot[:2]
    assert 0.4 <= second.t_s - first.t_s < 20
    lab.wait_until(lambda: ana.network.samples.snapshot[-1].state == "connected")
    lab.wait_until(lambda: len(lab.link_samples()) >= 2)


def test_what_happened_is_recorded(lab):
    ana, _ = lab.phone("ana"), lab.phone("ben")
    for n in range(5):
        ana.chat.send("lobby", f"message {n}").wait(10)
    lab.wait_until(lambda: lab.delivery_report().delivered.sum() == 5)
    report = lab.delivery_report()
    assert (report.expected == 1).all()
    assert (report.missing == 0).all()
    messages = lab.messages()
    assert (messages.status == "sent").all()
    assert messages.latency_s.between(0, 60).all()
    assert messages.offset.is_monotonic_increasing
    assert set(lab.deliveries().phone) == {"ben"}
    assert set(lab.states().state) >= {"connecting", "connected"}
    assert lab.positions().empty
    assert lab.session().equals(lab.to_frame())


def test_records_survive_the_lab(lab):
    lab.phone("ana").chat.send("lobby", "hi").wait(10)
    lab.close()
    assert list(lab.messages().text) == ["hi"]


def test_another_server_can_be_put_under_the_lab():
    background = background_loop()
    server = RealtimeServer(port=0)
    background.run(server.start())
    try:
        with realtime.lab.start(url=server.url) as lab:
            assert lab.server is None
            assert lab.url == server.url
            lab.phone("ana").chat.send("lobby", "hi").wait(10)
            assert server.stats.connections == 1
    finally:
        background.run(server.stop())
    with pytest.raises(ValueError, match=r"https.*http://"):
        realtime.lab.start(url="https://example.org")
    with pytest.raises(TypeError, match="port"):
        realtime.lab.start(url="http://127.0.0.1:1", port=8765)


def test_waiting_for_what_never_comes_says_so(lab):
    lab.phone("ana")
    with pytest.raises(TimeoutError, match=r"0\.1 s.*snow in July.*ana"):
        lab.wait_until(lambda: False, timeout_s=0.1, what="snow in July")


def test_waiting_returns_what_was_found(lab):
    assert lab.wait_until(lambda: "it") == "it"


def test_closing_leaves_no_task_no_socket_and_may_be_repeated():
    background = background_loop()
    lab = realtime.lab.start()
    lab.phone("ana", profile="3g").network.unplug()
    lab.phone("ben").network.offline()
    lab.phone("cleo").chat.send("lobby", "hi")
    lab.close()
    lab.close()
    lab.wait_until(lambda: background.run(tasks()) == 0, what="the loop is empty")
    gc.collect()
    assert repr(lab) == "<Lab closed>"
    with pytest.raises(RuntimeError, match="closed"):
        lab.phone("dora")


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to this process")
def test_an_interrupted_close_closes_all_the_same():
    lab = realtime.lab.start()
    ana = lab.phone("ana")
    stopping, interrupted = threading.Event(), threading.Event()
    stop = lab.server.stop

    async def slow_stop():
        stopping.set()
        await asyncio.to_thread(interrupted.wait, 30)
        await stop()

    lab.server.stop = slow_stop
    interrupter = threading.Thread(target=lambda: stopping.wait(30) and os.kill(os.getpid(), signal.SIGINT))
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        lab.close()
    interrupted.set()
    interrupter.join()
    lab.wait_until(lambda: lab.background.run(tasks()) == 0, what="everything ends")
    assert not ana.connected
    assert lab.server.open_sockets == 0


async def tasks():
    """How many there are, but for this one."""
    return len(asyncio.all_tasks()) - 1


def test_its_repr_tells_who_is_there(lab):
    assert repr(lab) == "<Lab without phones>"
    ana = lab.phone("ana", profile="lte")
    assert repr(lab) == "<Lab ana: lte, connected>"
    assert repr(ana) == "<Phone 'ana' lte online connected>"


def test_a_process_that_forgets_to_close_it_ends_quietly():
    script = (
        "import realtime.lab\n"
        "lab = realtime.lab.start()\n"
        "lab.phone('ana').chat.send('lobby', 'hi').wait(10)\n"
        "print(lab)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "<Lab ana: wifi, connected>\n", "")
