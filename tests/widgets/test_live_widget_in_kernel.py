"""A page is heard however the kernel's threads come and go: proven in a real kernel.

JupyterLab has a subshell, a thread of the kernel, for the messages of widgets, and another one for moments at a time
whenever its link is back. ipykernel 7.4 sends what a page says to the subshell that the widget last spoke for, even
when that one has ended.
"""

import queue

import pytest

from tests.jupyter_kernel import running_kernel

pytest.importorskip("jupyter_client", reason="install JupyterLab: pip install 'realtime-lab[lab]'")
pytest.importorskip("ipykernel", minversion="7", reason="kernels have subshells since ipykernel 7")

SET_UP = """
from realtime.utils.observable import Observable
from widgets.live_widget import LiveWidget

class Counter(LiveWidget):
    _esm = "export default { render() {} }"

    def __init__(self, number):
        self.number = number
        super().__init__(watches=[number])

    def compose(self):
        return {"number": self.number.snapshot}

    @property
    def actions(self):
        return {}

number = Observable(0)
counter = Counter(number)
"""
PATIENCE_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def kernel():
    with running_kernel() as client:
        yield client


def ask(kernel, kind, **content):
    """Send a request on the control channel; returns its answer."""
    message = kernel.session.msg(kind, content)
    kernel.control_channel.send(message)
    reply = kernel.get_control_msg(timeout=PATIENCE_S)["content"]
    assert reply["status"] == "ok", reply
    return reply


def tell(kernel, kind, content, *, subshell_id=None):
    """Send a message on the shell channel, as from a subshell."""
    message = kernel.session.msg(kind, content)
    message["header"]["subshell_id"] = subshell_id
    kernel.shell_channel.send(message)
    return message["header"]["msg_id"]


def run(kernel, code, *, subshell_id=None):
    """Run a cell to its end."""
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    told = tell(kernel, "execute_request", content, subshell_id=subshell_id)
    while (reply := kernel.get_shell_msg(timeout=PATIENCE_S))["parent_header"]["msg_id"] != told:
        pass
    assert reply["content"]["status"] == "ok", reply["content"]


def heard(kernel, kind):
    """Wait for a message of this type of a widget; returns its content, and the comm it is on."""
    while True:
        try:
            message = kernel.get_iopub_msg(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"no {kind} within {PATIENCE_S} s") from None
        content = message["content"]
        if message["msg_type"] == "comm_msg" and (said := content["data"].get("content", {})).get("type") == kind:
            return said, content["comm_id"]


def test_a_page_is_heard_when_the_subshell_that_was_served_last_has_ended(kernel):
    run(kernel, SET_UP)
    for_a_moment = ask(kernel, "create_subshell_request")["subshell_id"]
    run(kernel, "number.set(1)", subshell_id=for_a_moment)
    shown, comm_id = heard(kernel, "snapshot")
    assert shown["state"] == {"number": 1}
    ask(kernel, "delete_subshell_request", subshell_id=for_a_moment)
    tell(kernel, "comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": {"type": "follow"}}})
    assert heard(kernel, "snapshot")[0] == shown


def test_a_page_is_heard_while_a_cell_computes_that_the_widget_speaks_for(kernel):
    run(kernel, SET_UP)
    of_pages = ask(kernel, "create_subshell_request")["subshell_id"]
    tell(kernel, "execute_request", {"code": "number.set(2); import threading; threading.Event().wait(600)"})
    shown, comm_id = heard(kernel, "snapshot")
    follow = {"comm_id": comm_id, "data": {"method": "custom", "content": {"type": "follow"}}}
    tell(kernel, "comm_msg", follow, subshell_id=of_pages)
    assert heard(kernel, "snapshot")[0] == shown
