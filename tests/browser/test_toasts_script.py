"""The banners alone, in a page whose clock is the test's: they go by themselves, but not under a hand."""

import pytest
from playwright.sync_api import expect

from widgets.live_widget import static

BANNER_MS = 1500
STAGE = f"""
const toasts = noteToasts(() => {{}}, new AbortController().signal);
document.body.append(toasts.node);
const note = (title) => ({{ id: title, title, body: "", priority: "normal", status: "shown" }});
window.show = (...titles) => toasts.update({{ items: titles.map(note), background: false, banner_ms: {BANNER_MS} }});
show();
"""


@pytest.fixture
def page(stage):
    page = stage("")
    page.clock.install(time=0)
    page.goto("about:blank")
    page.clock.pause_at(3_600)
    page.add_script_tag(content=f"{{ {static('elements.js', 'portrait.js', 'notification_toasts.js')}\n{STAGE} }}")
    return page


def test_a_banner_goes_when_its_time_is_over(page):
    page.evaluate("() => show('Your tram')")
    page.clock.run_for(BANNER_MS - 1)
    expect(page.locator(".rt-toast")).to_have_count(1)
    page.clock.run_for(1)
    expect(page.locator(".rt-toast")).to_have_count(0)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_under_a_hand_it_stays_and_goes_afterwards(page, by):
    toasts = page.locator(".rt-toast")
    page.evaluate("() => show('held')")
    if by == "mouse":
        toasts.hover()
    else:
        toasts.get_by_role("button").first.focus()
    page.evaluate("() => show('held', 'let go')")
    expect(toasts).to_have_count(2)
    page.clock.run_for(10 * BANNER_MS)
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("held")
    if by == "mouse":
        page.mouse.move(0, 700)
    else:
        page.evaluate("() => document.activeElement.blur()")
    page.clock.run_for(BANNER_MS - 1)
    expect(toasts).to_have_count(1)
    page.clock.run_for(1)
    expect(toasts).to_have_count(0)
