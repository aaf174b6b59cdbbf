"""A slider of the network panel alone in a page: what a hand does to it is not lost to what was on its way."""

import pytest

from widgets.live_widget import static

STAGE = """
window.sent = [];
window.shown = slider({
    label: "Delay", steps: 100, toSlider: (ms) => ms / 10, fromSlider: (step) => step * 10, words: msWords,
    send: (ms) => sent.push(ms),
});
document.body.append(shown.node);
shown.update(50);
const { now } = performance;
let later_ms = 0;
performance.now = () => now.call(performance) + later_ms;
window.standStill = (ms) => { later_ms += ms; };
"""


@pytest.fixture
def page(stage):
    script = static("feed.js", "elements.js", "chart.js", "network_panel.js").replace("export default", "void")
    return stage(script + STAGE)


def test_a_page_that_stood_still_sends_what_the_hand_chose(page):
    """The figures of before wait in a page that stands still, and may be shown before its timers run."""
    page.evaluate("""() => {
        const input = shown.node.querySelector("input");
        input.value = 40;
        input.dispatchEvent(new Event("input"));
        standStill(3000);
        shown.update(50);
    }""")
    page.wait_for_function("() => sent.length > 0")
    page.evaluate("() => shown.update(50)")  # said before Python had heard
    assert page.evaluate("() => sent") == [400]
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "400 ms"
    page.evaluate("() => { standStill(3000); shown.update(60); }")
    assert page.get_by_role("slider").get_attribute("aria-valuetext") == "60 ms"
