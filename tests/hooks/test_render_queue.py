"""Where components are rendered: on the kernel's loop, whatever thread first showed them."""

import contextvars

import pytest
import reacton
import reacton.ipywidgets as w

from realtime.hooks.render_queue import render_queue
from realtime.hooks.use_observable import use_observable
from realtime.utils.observable import Observable
from tests.hooks.watching import drawn
from tests.jupyter_kernel import running_kernel
from tests.server.waiting import until

SETUP = """
import threading
import reacton
import reacton.ipywidgets as w
from realtime.hooks.use_observable import use_observable
from realtime.utils.observable import Observable

score, threads = Observable(0), []

@reacton.component
def Label():
    threads.append(threading.current_thread().name.split("-")[0])
    return w.Label(value=str(use_observable(score)))
"""
MOUNT = "label, _ = reacton.render_fixed(Label())"
SHOW = """
import asyncio

score.set(1)
while label.value != "1":
    await asyncio.sleep(0.01)
print(*threads, sep=", ")
"""


@pytest.fixture(scope="module")
def kernel():
    with running_kernel() as client:
        yield client


def run(kernel, code, **header):
    """Run a cell; returns what it printed."""
    printed = []
    request = kernel.session.msg("execute_request", {"code": code, "silent": False, "store_history": False})
    request["header"] |= header
    kernel.shell_channel.send(request)
    while True:
        message = kernel.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") == request["header"]["msg_id"]:
            content = message["content"]
            assert message["msg_type"] != "error", content["traceback"]
            printed.append(content.get("text", ""))
            if content.get("execution_state") == "idle":
                return "".join(printed)


def test_in_a_kernel_it_is_the_kernels_loop_even_for_what_a_subshell_showed_first(kernel):
    run(kernel, SETUP)
    kernel.control_channel.send(kernel.session.msg("create_subshell_request"))
    subshell = kernel.get_control_msg(timeout=60)["content"]["subshell_id"]
    run(kernel, MOUNT, subshell_id=subshell)
    assert run(kernel, SHOW) == "subshell, MainThread\n"


def test_in_a_kernel_a_loop_of_ones_own_is_where_it_runs(kernel):
    run(kernel, SETUP)
    simulated = f"""
async def script(world):
    {MOUNT}
    score.set(1)
    await asyncio.sleep(1)
    print(label.value, world.now_s)

import asyncio
from realtime.sim.world import simulate
run = simulate(script, seed=0)
"""
    assert run(kernel, simulated) == "1 1.0\n"


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
