"""The page's side of a feed alone: what it knows is what Python sent, though the link between them breaks."""

import pytest

from widgets.live_widget import static

STAGE = """
window.sent = [];
window.watched = {};
window.kernel = { connectionStatusChanged: {
    connect: (listener) => { watched.status = listener; },
    disconnect: (listener) => { if (watched.status === listener) watched.status = null; },
} };
const model = {
    get: () => ({ revision: 3, state: { words: "three" } }),
    send: (message) => sent.push(message),
    on: (_, listener) => { watched.hear = listener; },
    widget_manager: { kernel },
};
window.ending = new AbortController();
follow(model, ending.signal).watch((state) => { window.words = state.words; }, ending.signal);
"""


@pytest.fixture
def page(stage):
    return stage(static("feed.js") + STAGE)


def sent(page):
    """Take what was sent so far."""
    return [message["type"] for message in page.evaluate("() => window.sent.splice(0)")]


def hear(page, kind, revision, words):
    message = {"type": kind, "revision": revision}
    content = {"state": {"words": words}} if kind == "snapshot" else {"fields": {"words": words}, "lists": {}}
    page.evaluate("message => watched.hear(message)", message | content)


def status(page, value):
    page.evaluate("value => watched.status(kernel, value)", value)


def words(page):
    return page.evaluate("() => window.words")


def test_a_change_that_does_not_follow_is_answered_by_asking_once(page):
    assert sent(page) == ["follow"], "for what happened while it was loaded"
    hear(page, "snapshot", 3, "three")
    hear(page, "changes", 4, "four")
    hear(page, "changes", 6, "six")
    hear(page, "changes", 7, "seven")
    assert (words(page), sent(page)) == ("four", ["follow"])
    hear(page, "snapshot", 7, "seven")
    assert words(page) == "seven"


def test_a_link_that_is_back_may_have_lost_the_last_change_and_nobody_would_notice(page):
    sent(page)
    hear(page, "snapshot", 3, "three")
    status(page, "connecting")
    assert sent(page) == []
    status(page, "connected")
    assert sent(page) == ["follow"]
    hear(page, "snapshot", 4, "four")
    assert words(page) == "four"


def test_a_question_that_was_lost_with_the_link_is_asked_again(page):
    assert sent(page) == ["follow"]
    status(page, "connected")
    assert sent(page) == ["follow"]


def test_a_feed_that_ended_hears_of_no_link(page):
    status(page, "connected")
    page.evaluate("() => ending.abort()")
    assert page.evaluate("() => watched.status") is None


def test_an_answer_that_was_overtaken_by_a_change_is_not_the_last_word(page):
    """Python answers on one thread and tells changes on another: a change may come before an older answer."""
    assert sent(page) == ["follow"]
    hear(page, "changes", 5, "five")
    assert (words(page), sent(page)) == ("three", []), "its answer is on the way"
    hear(page, "snapshot", 4, "four")
    assert (words(page), sent(page)) == ("four", ["follow"])
    hear(page, "snapshot", 5, "five")
    assert (words(page), sent(page)) == ("five", [])


def test_an_old_answer_is_an_answer_too(page):
    assert sent(page) == ["follow"]
    hear(page, "changes", 4, "four")
    hear(page, "snapshot", 3, "three")
    assert words(page) == "four"
    hear(page, "changes", 6, "six")
    assert sent(page) == ["follow"]


def test_an_answer_without_news_is_no_change(page):
    """What widgets say of a change would be taken back before anybody heard it."""
    page.evaluate("() => { window.words = null; }")
    hear(page, "snapshot", 3, "three")
    assert words(page) is None
