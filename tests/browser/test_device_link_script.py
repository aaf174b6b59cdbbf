"""The page's side of the bridge alone, in a browser whose clock is the test's: how often it tells, and how much."""

from itertools import pairwise

import pytest

from widgets.device_bridge import DeviceBridge

STAGE = """
window.sent = [];
window.watched = {};
const controller = new AbortController();
const signalled = (name) => ({ connect: (listener) => { watched[name] = listener; }, disconnect() {} });
window.kernel = { statusChanged: signalled("status"), disposed: signalled("disposed") };
const model = {
    send: (message) => sent.push(message),
    on: (_, listener) => { watched.hear = listener; },
    widget_manager: { kernel },
};
const state = { page: null, beat_ms: 1000, tray: [] };
const feed = { watch: (watcher) => { watched.feed = (news) => watcher(Object.assign(state, news)); watcher(state); } };
Object.defineProperty(navigator, "geolocation", {
    value: { watchPosition: (found) => { watched.found = found; return 1; }, clearWatch() { watched.found = null; } },
});
navigator.getBattery = undefined;
window.phone = devicePhone(model, feed, controller.signal);
"""
BEAT_MS = 1000


@pytest.fixture
def page(browser):
    context = browser.new_context()
    page = context.new_page()
    page.clock.install(time=0)
    page.route(
        "https://phone.test/", lambda route: route.fulfill(content_type="text/html", body="<title>phone</title>")
    )
    page.goto("https://phone.test/")  # what is secure has a position
    page.clock.pause_at(3_600)
    script = DeviceBridge._esm.split("\nconst SETTINGS")[0]  # all but the view
    page.add_script_tag(content=f"{{ {script}\n{STAGE} }}")
    yield page
    context.close()


def sent(page):
    """Take what was sent so far."""
    return page.evaluate("() => window.sent.splice(0)")


def hear(page, report, **changes):
    answer = {"type": "heard", "page": report["page"], "run": report["run"], "seq": report["seq"], "phone": True}
    page.evaluate("answer => watched.hear(answer)", answer | changes)


def measure(page, start, stop):
    """Positions number ``start`` to ``stop``, one a second by their times."""
    script = """([start, stop, began]) => {
        for (let n = start; n < stop; n += 1)
            watched.found({ coords: { latitude: n / 1000, longitude: 0, accuracy: 5 }, timestamp: began + n * 1000 });
    }"""
    page.evaluate(script, [start, stop, page.evaluate("() => Date.now()") - 1_000_000])


def test_nothing_is_told_before_the_start(page):
    page.clock.run_for(10 * BEAT_MS)
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    assert sent(page) == []


def test_what_is_not_heard_is_told_again_and_more_and_more_rarely(page):
    page.evaluate("() => phone.start()")
    page.clock.run_for(40 * BEAT_MS)
    told = sent(page)
    assert [each["seq"] for each in told] == [1, 2, 3, 4, 5, 6], "at 0, 1, 3, 7, 15 and 31 s"
    hear(page, told[-1])
    page.clock.run_for(BEAT_MS)
    [beat] = sent(page)
    assert (beat["phase"], beat["visible"], beat["online"]) == ("on", True, True)


@pytest.mark.clause("RT-DEV-4")
def test_positions_that_are_not_heard_wait_thinned_and_in_order(page):
    page.evaluate("() => { phone.start(); phone.senses.position.ask(); }")
    sent(page)
    measure(page, 0, 1000)
    assert page.evaluate("() => phone.waiting") <= 300
    page.clock.run_for(BEAT_MS)
    heard = []
    for _ in range(20):
        if not (reports := sent(page)):
            break
        assert len(reports) == 1
        assert len(reports[0]["fixes"]) <= 50
        heard += [fix["latitude"] for fix in reports[0]["fixes"]]
        hear(page, reports[0])
    assert 200 <= len(heard) <= 300
    assert heard == sorted(set(heard))
    assert heard[-1] == 0.999
    assert heard[0] == 0, "the whole way, not only its end"
    newest = heard[-100:]
    assert all(later - earlier < 0.0011 for earlier, later in pairwise(newest)), "the newest are all there"


def test_it_goes_out_of_sight_at_once_and_waits_with_the_rest(page):
    """While it is not heard it says only what may be its last word."""
    page.evaluate("() => { phone.start(); phone.senses.position.ask(); }")
    sent(page)
    measure(page, 0, 3)
    assert sent(page) == []
    page.evaluate("() => document.dispatchEvent(new Event('freeze'))")
    [last] = sent(page)
    assert last["frozen"] is True
    assert len(last["fixes"]) == 3


def test_who_is_the_phone_no_more_is_silent(page):
    page.evaluate("() => { phone.start(); phone.senses.position.ask(); }")
    first, *_ = sent(page)
    hear(page, first, phone=False)
    assert page.evaluate("() => [phone.isOn, watched.found]") == [False, None]
    page.clock.run_for(100 * BEAT_MS)
    assert sent(page) == []


def test_a_stop_is_told_until_it_is_heard(page):
    page.evaluate("() => phone.start()")
    first, *_ = sent(page)
    hear(page, first)
    page.evaluate("() => phone.stop()")
    page.clock.run_for(5 * BEAT_MS)
    told = sent(page)
    assert [each["phase"] for each in told] == ["stop"] * 3, "at 0, 1 and 3 s"
    hear(page, told[-1], phone=False)
    page.clock.run_for(100 * BEAT_MS)
    assert sent(page) == []


@pytest.mark.parametrize(
    "end", ["watched.status(kernel, 'restarting')", "watched.status(kernel, 'dead')", "watched.disposed()"]
)
def test_without_its_kernel_it_is_no_phone_and_stays_none(page, end):
    """What knew of the page is gone, and so is the model's other end: nobody would ever hear a word."""
    page.evaluate("() => { phone.start(); phone.senses.position.ask(); }")
    first, *_ = sent(page)
    hear(page, first)
    page.evaluate("() => watched.status(kernel, 'busy')")
    assert page.evaluate("() => [phone.isOn, phone.isLost]") == [True, False]
    sent(page)
    page.evaluate(f"() => {end}")
    assert page.evaluate("() => [phone.isOn, phone.isLost, watched.found]") == [False, True, None]
    page.evaluate("() => phone.start()")
    page.clock.run_for(100 * BEAT_MS)
    assert sent(page) == []


@pytest.mark.clause("RT-DEV-7")
def test_a_permission_that_is_taken_back_in_the_settings_is_said_with_the_next_beat(page):
    page.context.grant_permissions(["notifications"], origin="https://phone.test")
    page.evaluate("() => { phone.start(); return phone.senses.notifications.ask(); }")
    granted = sent(page)[-1]
    assert granted["notifications"]["sense"] == "on"
    hear(page, granted)
    page.evaluate("() => Object.defineProperty(Notification, 'permission', { value: 'denied' })")
    page.clock.run_for(BEAT_MS)
    assert sent(page)[-1]["notifications"]["sense"] == "denied"
