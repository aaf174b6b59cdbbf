"""The network panel in JupyterLab: everything by keyboard, every figure in words, charts that follow the theme."""

import re

from playwright.sync_api import expect

SETUP = """
import math
from tests.widgets.fakes import FakePhone, sample
from widgets import NetworkPanel

ana = FakePhone("ana")
samples = []
for n in range(121):
    t, away = n / 2, 50 <= n < 74
    samples.append(sample(
        t, None if away else 120 + 60 * math.sin(n / 5) + (900 if n in (74, 75) else 0),
        "reconnecting" if away else "connected", waiting=(n - 50) // 4 if away else 0,
        up_bps=0 if away else 9_000 + 5_000 * math.cos(n / 4),
        down_bps=0 if away else 24_000 + 16_000 * math.sin(n / 3),
    ))
ana.network.samples.set(tuple(samples))
NetworkPanel(ana)
"""


ASKED = "print(ana.network.asked, ana.app_state)"


def test_every_figure_is_said_in_words(notebook, page, shoot):
    panel = page.get_by_role("region", name="Network of ana")
    for words in ("Round trip", "Throughput", "Not acknowledged yet", "Connection"):
        chart = panel.get_by_role("img", name=re.compile(f"{words}.*, last 60 seconds; now "))
        expect(chart).to_be_visible()
    expect(panel.get_by_role("slider", name="Rate")).to_have_attribute("aria-valuetext", "50 Mbit/s")
    shoot(notebook, network_panel=panel)
    assert page.complaints == []


def test_it_is_worked_by_keyboard_alone(notebook, page):
    panel = page.get_by_role("region", name="Network of ana")
    panel.get_by_role("combobox", name="Profile").focus()
    page.keyboard.press("ArrowDown")
    notebook.until("('profile', '4g')", ASKED)
    panel.get_by_role("combobox", name="Profile").focus()
    for label, field in (("Rate", "rate_kbps"), ("Delay, each way", "delay_ms"), ("Loss", "loss")):
        page.keyboard.press("Tab")
        expect(panel.get_by_role("slider", name=label)).to_be_focused()
        page.keyboard.press("ArrowRight")
        notebook.until(f"('set', {{'{field}'", ASKED)
        panel.get_by_role("slider", name=label).focus()
    for words, act, then in (
        ("Go offline", "('offline',)", "Go online"),
        ("Unplug", "('unplug',)", "Replug"),
        ("Reset connections", "('reset',)", "Reset connections"),
        ("App to background", "AppState BACKGROUND", "App to foreground"),
    ):
        page.keyboard.press("Tab")
        button = panel.get_by_role("button", name=words)
        expect(button).to_be_focused()
        page.keyboard.press("Space")
        notebook.until(act, ASKED)
        panel.get_by_role("button", name=then, exact=True).focus()


def test_charts_are_drawn_again_in_another_theme(notebook, page):
    """Seen by the mean redness of what is drawn: it does not depend on the chart's size, which may still change."""
    canvas = page.get_by_role("img", name=re.compile("Round trip"))
    redness = """canvas => { const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let sum = 0, drawn = 0;
        for (let i = 0; i < data.length; i += 4) if (data[i + 3]) { sum += data[i]; drawn += 1; }
        return drawn ? sum / drawn : null; }"""

    def drawn(condition, before):
        script = f"([canvas, before]) => {{ const now = ({redness})(canvas); return now !== null && {condition} }}"
        page.wait_for_function(script, arg=[canvas.element_handle(), before], timeout=40_000)
        return canvas.evaluate(redness)

    light = drawn("true", 0)
    notebook.theme("Dark")
    dark = drawn("Math.abs(now - before) > 5", light)
    notebook.theme("Light")
    drawn(f"Math.abs(now - before) < {abs(dark - light) / 2}", light)
