"""The chat room's list alone in a page: a reader who scrolls is not carried back by what comes at that moment."""

import pytest

from widgets.live_widget import static

STAGE = """
const chat = { me: () => "ana", tell() {}, ask() {} };
const message = (n) => ({
    key: `ben:m${n}`, id: `m${n}`, user: "ben", mine: false, text: `message ${n}`, parts: null, at_ms: 1000 * n,
    offset: n, status: "received", reactions: [], reply: null, who: null, deleted: false, edited: false, pending: false,
    held: null, error: null,
});
const view = messageLog(chat, new AbortController().signal);
view.log.style.cssText = "height: 200px; overflow-y: auto";
document.body.append(view.log, view.jump);
Object.assign(window, { log: view.log, jump: view.jump });
window.show = (count) => view.update({
    messages: Array.from({ length: count }, (_, n) => message(n)), gaps: [], older: "none", unread: 0,
    connection: "connected",
});
window.isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 2;
"""


@pytest.fixture
def page(stage):
    names = ("elements", "chat_room_bubble", "chat_room_bar", "chat_room_log")
    page = stage(static(*(f"{name}.js" for name in names)) + STAGE)
    page.evaluate("() => show(40)")
    page.wait_for_function("() => isAtEnd()")
    return page


def test_a_message_that_comes_before_the_event_of_a_scroll_carries_nobody_back(page):
    """Focus and scripts scroll at once, and a busy page hears of it only later."""
    page.evaluate("() => { log.scrollTop = 0; show(41); }")
    assert page.evaluate("() => [log.scrollTop, jump.hidden]") == [0, False]
    page.wait_for_function("() => jump.textContent.startsWith('New messages')")
    page.evaluate("() => jump.click()")
    page.wait_for_function("() => isAtEnd() && jump.hidden")


def test_who_is_at_the_end_stays_there(page):
    page.evaluate("() => { log.style.height = '150px'; show(41); }")
    assert page.evaluate("() => [isAtEnd(), jump.hidden]") == [True, True]
    page.evaluate("() => show(42)")
    assert page.evaluate("() => [isAtEnd(), jump.hidden]") == [True, True]
