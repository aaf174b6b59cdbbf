"""A cell that blocks the kernel does not touch the lab: proven in a real kernel."""

import json
import queue
import textwrap

import pytest

from tests.jupyter_kernel import running_kernel

pytest.importorskip("jupyter_client", reason="install JupyterLab: pip install 'realtime-lab[lab]'")

pytestmark = pytest.mark.untraced

BLOCK_S = 30
HEARTBEAT_S = 5  # interval, and timeout: a frozen client is dropped within 10 s
MESSAGES = 100

SET_UP = f"""
import asyncio, json, time
import realtime.lab
from realtime import SocketManager

MESSAGES = {MESSAGES}

lab = realtime.lab.start(seed=3, ping_interval_s={HEARTBEAT_S}, ping_timeout_s={HEARTBEAT_S})
ana, ben = lab.phone("ana"), lab.phone("ben")
beats = []

async def beat():
    while True:
        beats.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)

async def talk():
    now = asyncio.get_running_loop().time
    began_s = now()
    for n in range(MESSAGES):
        await asyncio.sleep(began_s + n * 0.7 * {BLOCK_S} / MESSAGES - now())  # a late one does not delay the others
        ana.chat.client.send_message("lobby", f"message {{n}}")

tasks = [lab.background.call(asyncio.ensure_future, coroutine()) for coroutine in (beat, talk)]

# For comparison, a client on the kernel's own loop, which the cell does block:
frozen, frozen_ends = SocketManager(lab.url, auth={{"userId": "frozen"}}), []
frozen.on("disconnect", frozen_ends.append)
await frozen.connect()
"""

BLOCK = f"""
end = time.monotonic() + {BLOCK_S}
while time.monotonic() < end - {BLOCK_S} / 2:
    sum(range(10_000))                      # computes, holding the interpreter …
time.sleep(max(0, end - time.monotonic()))  # … and then waits
"""

REPORT = """
room = ben.chat.room("lobby")
before = len(room.snapshot.texts)
async with asyncio.timeout(60):
    while not (frozen_ends and tasks[1].done() and len(room.snapshot.texts) >= MESSAGES):
        await asyncio.sleep(0.02)
print(json.dumps({
    "texts": room.snapshot.texts,
    "before": before,
    "disconnects": int((lab.to_frame().event == "disconnect").sum()),
    "heard": list(lab.deliveries().query("phone == 'ben'").groupby("message_id").size()),
    "longest_gap_s": max(b - a for a, b in zip(beats, beats[1:])),
    "frozen_ends": frozen_ends,
}))
lab.background.call(tasks[0].cancel)
await frozen.disconnect()
lab.close()
"""


@pytest.fixture
def kernel():
    with running_kernel() as client:
        yield client


def run(kernel, source, *, timeout_s):
    """Run a cell; returns what it printed."""
    kernel.execute(textwrap.dedent(source))
    printed, error = "", None
    while True:
        try:
            message = kernel.get_iopub_msg(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"the kernel says nothing for {timeout_s} s") from None
        kind, content = message["msg_type"], message["content"]
        if kind == "stream" and content["name"] == "stdout":
            printed += content["text"]
        elif kind == "error":
            error = "\n".join(content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            assert error is None, error
            return printed


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.clause("RT-LAB-1")
def test_a_blocking_cell_drops_no_connection_and_loses_no_message(kernel):
    run(kernel, SET_UP, timeout_s=60)
    run(kernel, BLOCK, timeout_s=BLOCK_S + 30)
    told = json.loads(run(kernel, REPORT, timeout_s=90))
    assert told["texts"] == [f"message {n}" for n in range(MESSAGES)]
    assert told["before"] > MESSAGES * 0.9, "they arrived while the cell blocked, not after it"
    assert told["heard"] == [1] * MESSAGES, "each message reached the application once"
    assert told["disconnects"] == 0
    assert told["longest_gap_s"] < HEARTBEAT_S
    assert told["frozen_ends"], "a client that the cell froze was dropped: the heartbeat was short enough to tell"
