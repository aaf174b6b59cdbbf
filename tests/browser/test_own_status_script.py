"""The form of one's own status alone in a page: a choice stands until Python answers it, however late."""

import pytest
from playwright.sync_api import expect

from widgets.live_widget import static

STAGE = """
window.asked = [];
window.own = ownStatus((fields) => asked.push(fields));
window.tell = (chosen) => own.update({ own: { status: chosen, chosen, text: null }, connection: "connected" });
document.body.append(own.node);
tell("online");
"""


@pytest.fixture
def page(stage):
    page = stage(static("elements.js", "presence_person.js", "presence_own.js") + STAGE)
    page.get_by_role("button", name="Your status").click()
    page.get_by_role("radio", name="Busy").check()
    assert page.evaluate("() => asked.splice(0)") == [{"status": "busy"}]
    page.evaluate("() => tell('online')")  # said before Python had heard
    return page


def test_words_that_follow_a_choice_do_not_take_it_back(page):
    expect(page.get_by_role("radio", name="Busy")).to_be_checked()
    page.get_by_role("textbox").fill("Back at three")
    page.keyboard.press("Enter")
    assert page.evaluate("() => asked") == [{"status": "busy", "text": "Back at three"}]


def test_after_the_answer_it_is_as_python_says(page):
    page.evaluate("() => { tell('busy'); tell('away'); }")
    expect(page.get_by_role("radio", name="Away")).to_be_checked()


def test_a_choice_that_is_refused_is_taken_back(page):
    page.evaluate("() => own.refused()")
    expect(page.get_by_role("radio", name="Online")).to_be_checked()


def test_a_choice_that_another_device_overtook_is_forgotten(page):
    """Both changes may be told at once: the choice itself is then never seen."""
    page.evaluate("() => tell('away')")
    expect(page.get_by_role("radio", name="Away")).to_be_checked()
