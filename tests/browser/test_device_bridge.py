"""A page as a phone, in a Chromium that goes out of sight, offline and to sleep as a phone's does.

What Python learns is read from a log that the kernel writes: while the page is cut off, it cannot be asked by it.
"""

import contextlib
import re
import threading

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import Notebook, open_jupyterlab
from tests.browser.seen_browser import seen_browser

SETUP = """
from realtime.lab import live
from realtime.server.push.push_service import PushService
from widgets import DeviceBridge

lab = live.start(seed=1, push=PushService(delay_s=0.1))
ana, ben = lab.phone("ana", None), lab.phone("ben", None)
log = open("device.log", "w", buffering=1)

def note(*words):
    log.write(" ".join(map(str, words)) + "\\n")  # a line at once, whichever thread notes it

bridge = DeviceBridge(ana, silence_s=6)
bridge.state.observe(lambda state: note("page", state.page.value, state.reason, "position", state.position.sense.value,
    "notifications", state.notifications.sense.value, "online" if state.is_online else "offline"))
ana.app_state.observe(lambda value: note("app", value.value))
ana.net_info.observe(lambda status: note("net", "up" if status.is_connected else "down"))
ben.location.on("update", lambda user_id, fix: note("ben sees", user_id, round(fix.latitude, 5)))
ana.notifications.on("opened", lambda notification: note("opened", notification.title))
ana.location.start(source=bridge.location)

def trail():
    return list(dict.fromkeys(round(fix.latitude, 5) for fix in ana.location.state.snapshot.trails["ana"]))

bridge
"""
TELL = """
lab.wait_until(lambda: not ana.connected)
lab.notify("ana", "Your tram is here", data={"url": "stop/1"})
lab.wait_until(lambda: ana.notifications.state.snapshot.tray)
note("in the tray", len(ana.notifications.state.snapshot.tray))
"""
LOG_S = 30
PATIENCE_S = 0.05

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


class Device:
    """The page that is the phone, and what Python wrote of it."""

    def __init__(self, page, notebook, path):
        self.page, self.notebook, self._path = page, notebook, path
        self.panel = page.get_by_role("region", name="Device of ana")
        self._read = 0

    def wait_for(self, words):
        """Return once a new line of the log has these words; the lines up to it, joined."""
        for _ in _patiently():
            lines = self._path.read_text().splitlines()[self._read :]
            for n, line in enumerate(lines):
                if words in line:
                    self._read += n + 1
                    return "\n".join(lines[: n + 1])
            self.page.wait_for_timeout(0)  # let Playwright's own loop turn
        raise AssertionError(f"{words!r} is not in {lines}")

    def wait_until(self, expression):
        """Return once this is true in the page, asked from outside: timers of a page that sleeps stand still."""
        for _ in _patiently():
            if self.page.evaluate(expression):
                return
        raise AssertionError(f"{expression} did not come true")

    @contextlib.contextmanager
    def out_of_sight(self):
        """Another tab is in front of it, until the end whatever happens."""
        with contextlib.closing(self.page.context.new_page()) as other:
            other.bring_to_front()
            try:
                yield
            finally:
                self.page.bring_to_front()

    def sleep(self):
        """The browser puts the page to sleep and wakes it.

        As it falls asleep Chromium closes the page's WebSockets, now and then with the page's last word in them.
        """
        session = self.page.context.new_cdp_session(self.page)
        self.page.evaluate("""() => {
            for (const word of ["freeze", "resume"]) document.addEventListener(word, () => { window.told = word; });
        }""")
        session.send("Page.setWebLifecycleState", {"state": "frozen"})
        try:
            self.wait_until("() => window.told === 'freeze'")
        finally:
            session.send("Page.setWebLifecycleState", {"state": "active"})
        self.wait_until("() => window.told === 'resume'")
        session.detach()

    def press(self, name):
        self.panel.get_by_role("button", name=name, exact=True).click()

    def goes_to(self, latitude):
        self.page.context.set_geolocation({"latitude": latitude, "longitude": 10.7461, "accuracy": 7})


@pytest.fixture(scope="module")
def seen(browser):
    with seen_browser(browser, width=1280, height=1000) as seen:
        yield seen


@pytest.fixture(scope="module")
def device(seen, server):
    page = seen.contexts[0].pages[0]
    page.set_default_timeout(15_000)
    origin = server.url("").split("/?")[0]
    page.context.grant_permissions(["geolocation", "notifications"], origin=origin)
    lost = page.get_by_role("dialog", name="Server Connection Error")  # JupyterLab's own, after a while offline
    page.add_locator_handler(lost, lambda: lost.get_by_role("button").last.click())
    page.bring_to_front()  # JupyterLab knows its current widget by the focus
    open_jupyterlab(page, server)
    notebook = Notebook(page, server.write("device.ipynb", SETUP, ""))
    notebook.run(0)
    notebook.do("lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)")
    device = Device(page, notebook, server.root / "device.log")
    device.goes_to(59.9)
    yield device
    notebook.close()


@pytest.mark.clause("RT-DEV-1")
def test_nothing_is_told_before_the_button_is_pressed(device):
    expect(device.panel).to_contain_text("no page was started")
    expect(device.panel.get_by_role("button")).to_have_count(1)
    assert device.notebook.do("print(bridge)") == "DeviceBridge('ana', no page: no page was started)\n"
    device.press("Make this page the phone")
    device.wait_for("page here  position off notifications off online")
    expect(device.panel.get_by_role("status")).to_have_text("This page")
    expect(device.panel).to_contain_text("in sight")


@pytest.mark.clause("RT-DEV-4")
def test_the_position_reaches_python_and_the_room(device):
    device.press("Share position")
    device.wait_for("ben sees ana 59.9")
    expect(device.panel).to_contain_text("59.90000, 10.74610 ±7 m")


@pytest.mark.clause("RT-DEV-3", "RT-DEV-4")
def test_without_a_network_python_knows_by_the_silence_and_hears_all_afterwards(device):
    """Chromium keeps what is sent into the page's WebSocket back, so that only silence tells."""
    device.page.context.set_offline(True)
    expect(device.panel).to_contain_text("offline")
    for n in (1, 2, 3):
        device.goes_to(59.9 + n / 100_000)  # a metre; whoever jumps is not believed
        expect(device.panel).to_contain_text(f"59.9000{n}, 10.74610")
    expect(device.panel).to_contain_text(
        re.compile(r"Python has not answered for \d+ s.*\d positions wait"), timeout=LOG_S * 1000
    )
    silent = device.wait_for("page no page nothing was heard of the page for 6 s")
    assert "net down" in silent
    assert "59.9000" not in silent
    device.page.context.set_offline(False)
    back = device.wait_for("net up")
    assert "page here" in back
    device.wait_for("ben sees ana 59.90003")
    assert device.notebook.do("print(trail())") == "[59.9, 59.90001, 59.90002, 59.90003]\n"
    expect(device.panel).not_to_contain_text("has not answered")


@pytest.mark.clause("RT-DEV-4")
def test_a_kernel_that_computes_is_told_afterwards_and_misses_nobody(device):
    """The cell takes longer than a page may be silent."""
    device.notebook.do("import time; time.sleep(7); note('computed')", wait=False)
    for n in (4, 5):
        device.goes_to(59.9 + n / 100_000)
        expect(device.panel).to_contain_text(f"59.9000{n}")
    assert "no page" not in device.wait_for("computed")
    device.notebook.until("59.90003, 59.90004, 59.90005]", "print(trail())")


@pytest.mark.clause("RT-DEV-2", "RT-DEV-6")
def test_out_of_sight_is_the_background_and_its_system_shows_notifications(device):
    device.press("Allow notifications")
    device.wait_for("notifications on")
    expect(device.panel).to_contain_text("shown by this system")
    device.page.evaluate(_WATCH_NOTIFICATIONS)
    with device.out_of_sight():
        device.wait_for("app background")
        device.sleep()
        device.page.evaluate("() => document.dispatchEvent(new Event('freeze'))")  # the real word may have been lost
        device.wait_for("page asleep")
        device.page.evaluate("() => document.dispatchEvent(new Event('resume'))")
        device.wait_for("page here")
        device.page.evaluate(_RUN_UNSEEN, TELL)
        device.wait_for("in the tray 1")
        device.page.wait_for_function("() => shownNotices.length > 0", polling=100)
        assert device.page.evaluate("() => shownNotices.map(({ title }) => title)") == ["Your tram is here"]
        device.page.evaluate("() => shownNotices[0].dispatchEvent(new Event('click'))")
        device.wait_for("opened Your tram is here")
        device.page.wait_for_function("() => closedNotices.includes(shownNotices[0])", polling=100)
    device.wait_for("app active")


@pytest.mark.clause("RT-DEV-5", "RT-DEV-7")
def test_the_page_that_was_started_last_is_the_phone_and_what_is_denied_is_said(device, seen, server, shoot):
    device.page.evaluate("() => jupyterapp.shell.currentWidget.context.save()")
    with contextlib.closing(seen.new_context(viewport={"width": 1280, "height": 1000})) as context:
        context.grant_permissions([])  # all others are denied
        page = context.new_page()
        page.set_default_timeout(15_000)
        second = _open_shown(page, server)
        expect(second).to_contain_text("another page is the phone")
        expect(second).to_contain_text("59.90005")
        second.get_by_role("button", name="Make this page the phone").click()
        expect(second).to_contain_text("this page is the phone")
        expect(device.panel).to_contain_text("another page is the phone")
        expect(device.panel.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        second.get_by_role("button", name="Share position").click()
        expect(second).to_contain_text("denied (User denied Geolocation). Allow it in the browser's settings")
        device.wait_for("position denied")
        second.get_by_role("button", name="Allow notifications").click()
        device.wait_for("notifications denied")
        device.notebook.until("denied", "print(ana.notifications.state.snapshot.permission)")
    device.wait_for("page no page")  # whether its page said goodbye or not
    expect(device.panel.get_by_role("button", name="Make this page the phone")).to_be_visible()


@pytest.mark.clause("RT-DEV-1")
def test_a_stop_puts_everything_back(device, shoot):
    device.press("Make this page the phone")
    device.wait_for("page here")
    device.press("Share position")
    device.press("Allow notifications")
    device.wait_for("position on notifications on")
    shoot(device.notebook, device_bridge=device.panel)
    device.press("Stop")
    device.wait_for("page no page stopped on the page position off notifications off")
    device.notebook.until(
        "active True DeviceBridge('ana', no page: stopped on the page)\n",
        "print(ana.app_state.value, ana.net_info.is_connected, bridge)",
    )


def _patiently():
    """Go round until LOG_S have passed, with a pause after each."""
    pause = threading.Event()
    for _ in range(round(LOG_S / PATIENCE_S)):
        yield
        pause.wait(PATIENCE_S)


def _open_shown(page, server):
    """Open the notebook in another page; its panel. On a busy machine ipywidgets may give up loading: load it again."""
    panel = Device(page, None, None).panel
    given_up = page.get_by_text("model not found")
    for _ in range(3):
        open_jupyterlab(page, server)
        Notebook(page, "device.ipynb")
        expect(panel.or_(given_up)).to_be_visible()
        if panel.is_visible():
            break
    return panel


_WATCH_NOTIFICATIONS = """() => {
    [window.shownNotices, window.closedNotices] = [[], []];
    window.Notification = class extends Notification {
        constructor(...args) {
            super(...args);
            shownNotices.push(this);
        }
        close() {
            closedNotices.push(this);
            super.close();
        }
    };
}"""
# A page out of sight draws nothing, so its cells do not run; its kernel can be asked all the same.
_RUN_UNSEEN = """code => {
    jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code });
}"""
