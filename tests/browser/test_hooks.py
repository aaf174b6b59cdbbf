"""The notebook's chat room of hooks in JupyterLab: what is typed reaches another phone, and its echo comes back."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import ROOT
from tests.browser.typing_hand import type_until


def cell(notebook: str, cell_id: str) -> str:
    """The source of a notebook's cell."""
    cells = json.loads((ROOT / "notebooks" / notebook).read_text())["cells"]
    return "".join(next(each["source"] for each in cells if each["id"] == cell_id))


SETUP = f"""
import realtime.lab

if "lab" in globals():
    lab.close()
lab = realtime.lab.start(seed=1)
ana, ben, cleo = (lab.phone(name, profile="wifi") for name in ("ana", "ben", "cleo"))

def drafts():
    return [each.value for each in w.widgets.widget._instances.values() if isinstance(each, w.widgets.Text)]

def followers():
    return len(ana.chat.room("lobby")._observers)

{cell("03_chat.ipynb", "chat-38")}
"""


@pytest.fixture
def room(notebook, page):
    """``room("ana")`` is ana's chat room on the page."""
    return lambda name: page.locator(".widget-vbox", has_text=f"{name} in lobby").last


def write(room, text):
    """Fill in a message and send it; before Python knows it, the button cannot be pressed."""
    room.get_by_role("textbox").fill(text)
    room.get_by_role("button", name="Send").click()


@pytest.mark.clause("RT-HOOK-3")
def test_what_is_typed_reaches_another_phone_and_its_echo_comes_back(room, notebook, page, shoot):
    notebook.do("""
cleo.chat.on("message", lambda message: message.user_id == "ana" and cleo.chat.send("lobby", message.text.upper()))
""")
    said = room("ben").get_by_text("ana is typing…")
    type_until(room("ana").get_by_role("textbox"), "Who & where are <b>you</b>?", said)
    expect(room("ben")).not_to_contain_text("Who")
    notebook.until("<b>you</b>?", "print(drafts())")  # the last keys may be on their way
    room("ana").get_by_role("button", name="Send").click()
    for name in ("ana", "ben"):
        expect(room(name)).to_contain_text("Who & where are <b>you</b>?")
        expect(room(name)).to_contain_text("WHO & WHERE ARE <B>YOU</B>? · cleo")
    expect(room("ana").get_by_role("textbox")).to_have_value("")
    expect(room("ben")).not_to_contain_text("is typing…")
    notebook.until(
        "('Who & where are <b>you</b>?', 'WHO & WHERE ARE <B>YOU</B>?')",
        "print(cleo.chat.room('lobby').snapshot.texts)",
    )
    write(room("ben"), "Here!")
    expect(room("ana")).to_contain_text("Here! · ben")
    assert page.complaints == []
    shoot(notebook, hooks_room=room("ana").locator("xpath=.."))


def test_a_message_of_a_phone_in_flight_mode_waits_and_goes_out(room, notebook):
    notebook.do("ana.network.offline()")
    expect(room("ana")).to_contain_text("ana in lobby, suspended")
    write(room("ana"), "From flight mode")
    expect(room("ana")).to_contain_text("From flight mode · pending")
    expect(room("ben")).not_to_contain_text("From flight mode")
    notebook.do("ana.network.online()")
    expect(room("ana")).to_contain_text("From flight mode · delivered")
    expect(room("ben")).to_contain_text("From flight mode · ana")


def test_messages_that_come_while_a_cell_computes_show_after_it(room, notebook):
    notebook.do("""
sent = [ben.chat.send("lobby", f"number {n}") for n in range(200)][-1].wait(10)
lab.wait_until(lambda: len(ana.chat.room("lobby").snapshot.messages) == 200)
""")
    expect(room("ana")).to_contain_text("number 199 · ben")
    expect(room("ana")).not_to_contain_text("number 149 ")  # it shows the last fifty


@pytest.mark.clause("RT-HOOK-2")
def test_a_component_whose_output_was_cleared_follows_nothing_any_more(room, notebook, page):
    rooms = page.locator(".widget-vbox", has_text="ana in lobby")
    expect(rooms).to_have_count(2)  # it, and the box of both
    before = notebook.do("print(followers(), 'follow')")
    assert notebook.do("display(Room(ana, 'lobby')); print(followers(), 'follow')") != before
    expect(rooms).to_have_count(4)
    notebook.until(before, "print(followers(), 'follow')")  # which clears the output of that cell
    expect(rooms).to_have_count(2)
