"""The chat room in JupyterLab: by keyboard alone, with other people's text as text, and in place while one reads."""

import re

from playwright.sync_api import expect

SETUP = """
from realtime.chat.message import MessageStatus, RoomState
from tests.widgets.fakes import FakePhone, connection, message
from widgets import ChatRoom

ana = FakePhone("ana")
lobby = ana.chat.room("lobby")

def show(*messages, **state):
    lobby.set(RoomState(room_id="lobby", messages=messages, **state))

def own(n, text, status, **changes):
    offset = n if status == "sent" else None
    return message(n, text, user_id="ana", mine=True, offset=offset, status=MessageStatus(status), **changes)

room = ChatRoom(ana)
room
"""


ASKED = "print(ana.chat.asked)"


def test_enter_sends_shift_enter_begins_a_line_and_no_key_reaches_jupyterlab(notebook, page):
    field = page.get_by_role("textbox", name="Message to lobby, as ana")
    field.focus()
    page.keyboard.type("dd")  # in JupyterLab's command mode this deletes the cell
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("a & <b>")
    page.keyboard.press("Enter")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    assert len(notebook.cells) == 2
    notebook.until("('send', 'lobby', 'dd\\na & <b>')", ASKED)
    assert page.complaints == []


def test_each_status_is_said_in_words_and_markup_stays_text(notebook, page, shoot):
    notebook.do("""
show(
    message(1, "Are you on the tram already?"),
    message(2, "<img src=x onerror=alert(1)> is what I see here"),
    own(3, "Yes, four stops to go", "sent"),
    own(4, "We are in the tunnel now, this one may take a moment to get through", "pending"),
    own(5, "Or longer", "failed"),
    own(6, "x" * 60, "failed", error="longer than 50 characters"),
    typing=("ben",), members=("ana", "ben"),
)
ana.socket.connection_state.set(connection("reconnecting", queued=2))
""")
    log = page.get_by_role("log", name="Messages")
    for words in ("✓ sent", "sending…", "not sent yet, still trying", "refused: longer than 50 characters"):
        expect(log).to_contain_text(words)
    expect(log).to_contain_text("<img src=x onerror=alert(1)> is what I see here")
    assert log.locator("img").count() == 0
    expect(page.get_by_text("ben is typing…")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Reconnecting… · 2 waiting")).to_be_visible()
    shoot(notebook, chat_room=page.locator(".rt-chat"))
    discard = page.get_by_role("button", name="Discard “Or longer”")
    discard.focus()
    page.keyboard.press("Enter")
    notebook.until("('discard', 'm5')", ASKED)


def test_the_list_follows_new_messages_only_from_its_bottom(notebook, page):
    notebook.do("history = [message(n, f'message {n}') for n in range(41)]; show(*history)")
    log = page.get_by_role("log", name="Messages")
    at_bottom = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2"
    expect(log).to_contain_text("message 40")
    assert log.evaluate(at_bottom)
    log.evaluate("log => { log.scrollTop = 0; }")
    page.wait_for_function("log => log.scrollTop === 0", arg=log.element_handle())
    notebook.do("show(*history, message(41, 'news'))")
    jump = page.get_by_role("button", name="New messages")
    expect(jump).to_be_visible()
    expect(log).to_contain_text("news")
    assert log.evaluate("log => log.scrollTop") == 0
    jump.press("Enter")
    page.wait_for_function(at_bottom, arg=log.element_handle())
    expect(jump).to_be_hidden()


def test_a_refused_text_comes_back_with_the_reason(notebook, page):
    notebook.do("def refuse(room, text): raise ValueError('The outbox is full')\nana.chat.send = refuse")
    field = page.get_by_role("textbox", name=re.compile("Message to lobby"))
    field.fill("keep me")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The outbox is full")
    expect(field).to_have_value("keep me")


def test_the_room_stays_live_while_a_cell_blocks_the_kernel(notebook, page, server):
    """State comes from other threads; only what the reader types may have to wait for the cell."""
    notebook.do(
        "import threading, time, pathlib\n"
        "threading.Timer(0.3, show, [message(1, 'while you compute')]).start()\n"
        "while not pathlib.Path('go_on').exists(): time.sleep(0.01)",
        wait=False,
    )
    expect(page.get_by_role("log", name="Messages")).to_contain_text("while you compute")
    assert page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status") == "busy"
    (server.root / "go_on").touch()
