"""Where components are rendered: on the kernel's loop, whatever thread first showed them."""

import contextvars

import pytest
import reacton
import reacton.ipywidgets as w
from jupyter_client.manager import start_new_kernel

from realtime.hooks.render_queue import render_queue
from realtime.hooks.use_observable import use_observable
from realtime.utils.observable import Observable
from tests.hooks.watching import drawn
from tests.server.waiting import until

MOUNT_ON_ANOTHER_THREAD = """
import asyncio, threading
import reacton
import reacton.ipywidgets as w
from realtime.hooks.use_observable import use_observable
from realtime.utils.observable import Observable

score, threads = Observable(0), []

@reacton.component
def Label():
    threads.append(threading.current_thread().name)
    return w.Label(value=str(use_observable(score)))

async def mount():  # as the callback of a button may, on a thread that ends soon
    return reacton.render_fixed(Label())

thread = threading.Thread(target=lambda: made.append(asyncio.run(mount())), name="a subshell")
made = []
thread.start()
thread.join()
score.set(1)
"""
SHOW = """
while made[0][0].value != "1":
    await asyncio.sleep(0.01)
print(*threads, sep=", ")
"""


@pytest.fixture
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_in_a_kernel_it_is_the_kernels_loop_even_for_what_another_thread_showed_first(kernel):
    printed = []

    def note(message):
        if message["msg_type"] in ("stream", "error"):
            printed.append(message["content"])

    for code in (MOUNT_ON_ANOTHER_THREAD, SHOW):
        kernel.execute_interactive(code, timeout=20, output_hook=note)
    assert [each.get("text", each) for each in printed] == ["a subshell, MainThread\n"]


async def test_a_tree_has_one_queue_and_another_tree_another():
    queues = []

    @reacton.component
    def leaf():
        queues.append(render_queue())
        return w.Label()

    @reacton.component
    def tree():
        with w.VBox() as main:
            leaf()
            leaf()
        return main

    with drawn(tree()), drawn(leaf()):
        first, second, third = queues
    assert first is second is not third


async def test_components_run_in_the_context_in_which_they_were_shown():
    shown_in = contextvars.ContextVar("shown_in", default="nowhere")
    score, seen = Observable(0), []

    @reacton.component
    def label():
        seen.append((use_observable(score), shown_in.get()))
        return w.Label()

    cell = contextvars.copy_context()
    cell.run(shown_in.set, "cell 3")
    _, context = cell.run(reacton.render_fixed, label())
    score.set(1)
    await until(lambda: len(seen) == 2)
    context.close()
    assert seen == [(0, "cell 3"), (1, "cell 3")]
