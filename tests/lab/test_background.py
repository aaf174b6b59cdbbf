"""One loop on one daemon thread, for every lab of the process."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from realtime.lab.background import BackgroundLoop, BackgroundLoopError, background_loop


async def thread_name():
    return threading.current_thread().name


def test_a_coroutine_runs_on_the_loops_thread_and_its_result_comes_back(background):
    assert background.run(thread_name()) == "test-loop"
    assert background.thread.daemon


def test_an_exception_comes_back_to_the_caller(background):
    async def fail():
        raise KeyError("what")

    with pytest.raises(KeyError, match="what"):
        background.run(fail())


def test_a_function_runs_on_the_loops_thread(background):
    def running_loop(suffix):
        return asyncio.get_running_loop(), threading.current_thread().name + suffix

    loop, name = background.call(running_loop, "!")
    assert name == "test-loop!"
    assert loop is background.loop


def test_a_functions_exception_comes_back(background):
    with pytest.raises(ZeroDivisionError):
        background.call(lambda: 1 / 0)


def test_it_can_be_used_from_many_threads(background):
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(background.run(asyncio.sleep(0, n)))) for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(20))


def test_waiting_on_its_own_thread_is_refused_before_it_deadlocks(background):
    async def inner():
        return None

    async def outer():
        with pytest.raises(BackgroundLoopError, match=r"own thread.*await"):
            background.run(inner())

    background.run(outer())


def test_a_call_from_its_own_thread_is_just_a_call(background):
    async def outer():
        return background.call(threading.current_thread)

    assert background.run(outer()) is background.thread


def test_a_limit_cancels_what_it_stopped_waiting_for(background):
    cancelled = threading.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
        background.run(forever(), timeout_s=0.05)
    assert cancelled.wait(20)


def test_a_timeout_inside_the_coroutine_is_its_own(background):
    async def own():
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        background.run(own(), timeout_s=20)


def test_stop_ends_tasks_and_thread_and_may_be_repeated():
    background = BackgroundLoop("test-loop")
    ended = threading.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def spawn():
        background.task = asyncio.ensure_future(forever())

    background.run(spawn())
    background.run(asyncio.sleep(0))
    background.stop()
    background.stop()
    assert ended.is_set()
    assert not background.thread.is_alive()
    assert background.loop.is_closed()


def test_a_stopped_loop_says_so(background):
    background.stop()
    coroutine = thread_name()
    with pytest.raises(BackgroundLoopError, match="stopped"):
        background.run(coroutine)
    with pytest.raises(BackgroundLoopError, match="stopped"):
        background.call(print)


def test_stopping_from_its_own_thread_is_refused(background):
    with pytest.raises(BackgroundLoopError, match="own thread"):
        background.call(background.stop)


def test_the_process_has_one_and_gets_a_new_one_after_a_stop():
    first = background_loop()
    assert background_loop() is first
    first.stop()
    second = background_loop()
    assert second is not first
    assert second.run(thread_name()) == second.thread.name
    second.stop()


def test_uvloop_runs_it_where_it_is_installed(background):
    uvloop = pytest.importorskip("uvloop")
    assert isinstance(background.loop, uvloop.Loop)


def test_stock_asyncio_runs_it_where_uvloop_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    background = BackgroundLoop("stock-loop")
    try:
        assert type(background.loop).__module__.startswith("asyncio")
        assert background.run(thread_name()) == "stock-loop"
    finally:
        background.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to this process")
def test_an_interrupt_ends_the_wait_and_not_the_loop(background):
    started, cancelled = threading.Event(), threading.Event()

    async def forever():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def waits(frame):
        return frame is not None and (frame.f_code.co_name == "_wait" or waits(frame.f_back))

    def interrupt():
        started.wait(30)
        while not waits(sys._current_frames()[threading.main_thread().ident]):
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        background.run(forever())
    thread.join()
    assert cancelled.wait(20)
    assert background.run(thread_name()) == "test-loop"


def test_the_loop_keeps_time_while_the_main_thread_computes(background):
    beats = []

    async def beat():
        while True:
            beats.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.01)

    background.task = background.call(asyncio.ensure_future, beat())
    end = time.monotonic() + 20
    while len(beats) <= 10:
        sum(range(1000))
        assert time.monotonic() < end, "the loop stands still"


def test_a_process_that_forgets_to_stop_it_ends_quietly():
    script = (
        "import asyncio\n"
        "from realtime.lab.background import background_loop\n"
        "async def forever():\n"
        "    try:\n"
        "        await asyncio.sleep(3600)\n"
        "    finally:\n"
        "        print('cleaned up')\n"
        "background_loop().call(asyncio.ensure_future, forever())\n"
        "background_loop().run(asyncio.sleep(0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "cleaned up\n", "")
