"""The chat room in JupyterLab: by keyboard alone, with other people's text as text, and in place while one reads."""

import re

from playwright.sync_api import expect

SETUP = """
from realtime.chat.message import Gap, Marker, MessageStatus, Reaction, RoomState
from tests.widgets.fakes import FakePhone, connection, message
from widgets import ChatRoom

ana = FakePhone("ana")
lobby = ana.chat.room("lobby")

def show(*messages, joined=True, **state):
    lobby.set(RoomState(room_id="lobby", messages=messages, joined=joined, **state))

def own(n, text, status, **changes):
    offset = n if status in ("sent", "delivered", "read") else None
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
    own(7, "Or even longer", "sent", edited_ms=1, pending=True),
    own(8, "", "sent", is_deleted=True, pending=True),
    typing=("ben",), members=("ana", "ben"),
)
ana.socket.connection_state.set(connection("reconnecting", queued=2))
""")
    log = page.get_by_role("log", name="Messages")
    for words in (
        "✓ sent",
        "waits for the network",
        "not sent yet, still trying",
        "refused: longer than 50 characters",
        "edited, waits for the network",
        "deletion waits for the network",
    ):
        expect(log).to_contain_text(words)
    expect(log).to_contain_text("<img src=x onerror=alert(1)> is what I see here")
    assert log.locator("img").count() == 0
    expect(page.get_by_text("ben is typing…")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Reconnecting… · 2 waiting")).to_be_visible()
    shoot(notebook, chat_waiting=page.locator(".rt-chat"))
    expect(page.get_by_role("button", name="Retry “We are")).to_have_count(0)  # it goes out by itself
    notebook.do("""
ana.socket.connection_state.set(connection())
show(
    own(3, "Yes, four stops to go", "pending", held="storage_failed"),
    own(4, "Can you hear me?", "failed", held="storage_failed"),
    own(5, "Or longer", "failed"),
    own(6, "x" * 60, "failed", error="longer than 50 characters"),
    own(7, "Or even longer", "sent", edited_ms=1, pending=True),
)
""")
    for words in ("the server cannot store it yet, still trying", "saving…"):
        expect(log).to_contain_text(words)
    expect(row(page, "Can you hear me?")).to_contain_text("the server cannot store it yet, still trying")
    shoot(notebook, chat_held=page.locator(".rt-chat"))
    page.get_by_role("button", name="Retry “xxx").press("Enter")
    notebook.until("('retry', 'm6')", ASKED)
    discard = page.get_by_role("button", name="Discard “Or longer”")
    discard.focus()
    page.keyboard.press("Enter")
    notebook.until("('discard', 'm5')", ASKED)


def test_the_list_follows_new_messages_only_from_its_bottom(notebook, page):
    notebook.do("history = [message(n, f'message {n}') for n in range(41)]; show(*history)")
    log = page.get_by_role("log", name="Messages")
    at_bottom = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 2"
    expect(log).to_contain_text("message 40")
    page.wait_for_function(at_bottom, arg=log.element_handle())
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(page.get_by_role("button", name="To the newest")).to_be_visible()
    notebook.do("show(*history, message(41, 'news'))")
    jump = page.get_by_role("button", name="New messages")
    expect(jump).to_be_visible()
    expect(log).to_contain_text("news")
    assert log.evaluate("log => log.scrollTop") == 0
    jump.press("Enter")
    page.wait_for_function(at_bottom, arg=log.element_handle())
    expect(jump).to_be_hidden()


def test_a_refused_text_comes_back_with_the_reason(notebook, page):
    notebook.do("def refuse(*asked): raise ValueError('The outbox is full')\nana.chat.send = refuse")
    field = page.get_by_role("textbox", name=re.compile("Message to lobby"))
    field.fill("keep me")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The outbox is full")
    expect(field).to_have_value("keep me")


def test_the_room_stays_live_while_a_cell_blocks_the_kernel(notebook, page, server):
    """State comes from other threads; only what the reader types may have to wait for the cell."""
    expect(page.get_by_role("log", name="Messages")).to_be_visible()  # a page that still loads would have to ask
    notebook.do(
        "import threading, time, pathlib\n"
        "threading.Timer(0.3, show, [message(1, 'while you compute')]).start()\n"
        "while not pathlib.Path('go_on').exists(): time.sleep(0.01)",
        wait=False,
    )
    try:
        expect(page.get_by_role("log", name="Messages")).to_contain_text("while you compute")
        expect(page.locator(".jp-InputArea-prompt", has_text="[*]:")).to_be_visible()
    finally:
        (server.root / "go_on").touch()


CONVERSATION = """
show(
    message(1, "We meet at the harbour, @ana: is the tram late?", reactions=(Reaction("😮", ("cleo",)),)),
    own(2, "Ten minutes, says @ben. The one after it is on time, so do not wait in the rain for me", "read",
        reactions=(Reaction("👍", ("ana", "ben", "cleo")), Reaction("🎉", ("ben",))), edited_ms=1),
    message(3, "", user_id="cleo", is_deleted=True, reactions=(Reaction("😮", ("ben",)),)),
    message(20, "Then I get us a table", user_id="cleo", reply_to="m2", reactions=(Reaction("❤️", ("ana",), True),)),
    own(21, "Inside, please", "delivered", reply_to="m20"),
    message(22, "Inside is full"),
    message(23, "@ana we stand at the bar", user_id="cleo"),
    gaps=(Gap(3, 20),), unread=2, mentioned=1, behind=4, has_older=True,
    markers={"ben": Marker("ben", 23, 2), "cleo": Marker("cleo", 23, 2)},
)
"""


def row(page, words):
    return page.locator(".rt-row", has_text=words)


def test_what_happens_to_messages_is_said(notebook, page, shoot):
    notebook.do("ana.background(); room._height_px = 540\n" + CONVERSATION)
    log = page.get_by_role("log", name="Messages")
    for words in (
        "Load older messages",
        "Message deleted",
        "Messages are missing here: the server no longer has them",
        "2 new messages",
    ):
        expect(log).to_contain_text(words)
    expect(page.get_by_role("status").filter(has_text="Catching up: 4 more to come")).to_be_visible()
    expect(page.get_by_text("2 unread · 1 for you")).to_be_visible()
    expect(row(page, "Ten minutes").first).to_contain_text("edited✓✓ read")
    expect(row(page, "Ten minutes").get_by_title("Read by ben and cleo")).to_be_visible()
    expect(row(page, "is the tram late?").locator(".rt-me")).to_have_text("@ana")
    expect(row(page, "Message deleted").locator(".rt-reaction")).to_have_count(0)
    thumbs = page.get_by_role("button", name="👍 ana, ben, and cleo")
    expect(thumbs).to_have_attribute("aria-pressed", "true")
    shoot(notebook, chat_room=page.locator(".rt-chat"))
    assert "'read'" not in notebook.do(ASKED)  # the app is in the background, where nobody looks
    notebook.do("ana.foreground()")
    notebook.until("('read', 'lobby', 23)", ASKED)
    assert page.complaints == []


def test_messages_are_worked_by_keyboard_alone(notebook, page, shoot):
    notebook.do(CONVERSATION)
    log = page.get_by_role("log", name="Messages")
    expect(row(page, "at the bar")).to_be_visible()
    log.focus()
    page.keyboard.press("ArrowUp")
    expect(row(page, "at the bar")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="React with thumbs up")).to_be_focused()
    page.keyboard.press("Enter")
    notebook.until("('react', 'm22', '👍')", ASKED)

    page.get_by_role("button", name="👍 ana").press("Enter")
    notebook.until("('unreact', 'm2', '👍')", ASKED)

    mine = row(page, "Inside, please")
    mine.get_by_role("button", name="Actions").press("Enter")
    shoot(notebook, chat_bar=page.locator(".rt-chat"))
    mine.get_by_role("button", name="Edit").press("Enter")
    field = page.get_by_role("textbox", name="New text of the message")
    expect(field).to_be_focused()
    page.keyboard.type("dd")
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(mine).to_be_focused()
    mine.get_by_role("button", name="Actions").press("Enter")
    mine.get_by_role("button", name="Edit").press("Enter")
    field.fill("Outside, please")
    page.keyboard.press("Enter")
    notebook.until("('edit', 'm21', 'Outside, please')", ASKED)

    mine.get_by_role("button", name="Actions").press("Enter")
    mine.get_by_role("button", name="Delete").press("Enter")
    page.get_by_role("button", name="Delete for everybody").press("Enter")
    notebook.until("('delete', 'm21')", ASKED)
    assert "'edit', 'm21', 'dd" not in notebook.do(ASKED)
    assert len(notebook.cells) == 2
    assert page.complaints == []


def test_an_answer_quotes_a_message_and_leads_to_it(notebook, page):
    notebook.do("show(*[message(n, f'message {n}') for n in range(60)], message(60, 'why?', reply_to='m3'))")
    quote = page.get_by_role("button", name="Answers ben: message 3")
    quote.press("Enter")
    target = page.locator(".rt-row[data-key='ben:m3']")
    expect(target).to_be_focused()
    expect(target).to_be_in_viewport()
    target.get_by_role("button", name="Actions").press("Enter")
    target.get_by_role("button", name="Reply").press("Enter")
    field = page.get_by_role("textbox", name="Message to lobby")
    expect(field).to_be_focused()
    expect(page.get_by_text("Reply to ben: message 3")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Reply to ben: message 3")).to_be_hidden()
    target.get_by_role("button", name="Actions").press("Enter")
    target.get_by_role("button", name="Reply").press("Enter")
    page.keyboard.type("because")
    page.keyboard.press("Enter")
    notebook.until("('send', 'lobby', 'because', 'm3')", ASKED)


def test_only_what_is_in_sight_is_marked_as_read(notebook, page):
    notebook.do("history = [message(n, f'message {n}') for n in range(1, 41)]; show(*history, unread=40)")
    notebook.until("('read', 'lobby', 40)", ASKED)
    notebook.do("show(*history)")
    log = page.get_by_role("log", name="Messages")
    expect(page.locator(".rt-unread")).to_be_hidden()
    log.evaluate("log => { log.scrollTop = 0; }")
    jump = page.get_by_role("button", name="To the newest")
    expect(jump).to_be_visible()
    notebook.do("show(*history, message(41, 'news'), unread=1)")
    expect(log.get_by_role("separator")).to_have_text("1 new message")
    assert "41)" not in notebook.do(ASKED)
    page.get_by_role("button", name="1 new message").press("Enter")
    notebook.until("('read', 'lobby', 41)", ASKED)
    notebook.do("show(*history, message(41, 'news'))")
    expect(page.locator(".rt-unread")).to_be_hidden()
    expect(log.get_by_role("separator")).to_have_text("1 new message")  # the reader may still look for it
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(log.get_by_role("separator")).to_have_count(0)


DRAWN = """log => [...log.querySelectorAll(".rt-bubble")]
    .filter(bubble => bubble.checkVisibility({ contentVisibilityAuto: true })).length"""


def test_of_thousands_of_messages_only_those_about_the_sight_are_drawn(notebook, page):
    notebook.do("many = [message(n, f'message {n}') for n in range(5000)]; show(*many)")
    log = page.locator(".rt-log")  # by role it would take minutes: that looks at each message
    expect(log).to_contain_text("message 4999")
    expect(log.locator(".rt-row")).to_have_count(200)
    first = log.locator(".rt-row[data-key='ben:m4800']")
    log.evaluate("log => { log.scrollTop = 1; log.scrollTop = 0; }")
    expect(log.locator(".rt-row")).to_have_count(400)
    expect(first).to_be_in_viewport()  # in its place, though 200 came above it
    notebook.do("room._show({'key': 'ben:m0'})")
    expect(log.locator(".rt-row")).to_have_count(5000, timeout=60_000)
    expect(log.locator(".rt-older")).to_have_count(0)
    for share in (0, 0.5, 1):
        log.evaluate("(log, share) => { log.scrollTop = share * log.scrollHeight; }", share)
        page.wait_for_function(
            f"log => {{ const drawn = ({DRAWN})(log); return 0 < drawn && drawn < 200 }}", arg=log.element_handle()
        )
    expect(log.locator(".rt-row")).to_have_count(200)  # back at the end the page lets go of the others


def test_it_fits_a_narrow_phone(notebook, page, shoot):
    notebook.do(CONVERSATION + "room.layout.width = '320px'")
    chat = page.locator(".rt-chat")
    page.wait_for_function("chat => chat.getBoundingClientRect().width < 321", arg=chat.element_handle())
    row(page, "Inside, please").get_by_role("button", name="Actions").press("Enter")
    log = page.get_by_role("log", name="Messages")
    assert log.evaluate("log => log.scrollWidth - log.clientWidth") == 0
    shoot(notebook, chat_narrow=chat)
