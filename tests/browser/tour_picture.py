"""Makes the README's picture of the tour: ``python -m tests.browser.tour_picture`` writes ``notebooks/tour.png``."""

from __future__ import annotations

import io
import shutil
import sys

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.jupyter import CHROMIUM_ARGS, ROOT, Notebook, jupyterlab, open_jupyterlab

WIDTH, LEFT, GAP = 1400, 850, 14  # pixels
_MOVED = """marker => {
    window.began ??= marker.getBoundingClientRect().x;
    return Math.abs(marker.getBoundingClientRect().x - window.began) > 90;
}"""
GONE_MS = 40_000  # the heartbeat finds out within 6 s, and the room keeps the place for 15 s


def main() -> int:
    """Run the tour as a reader would, up to the tunnel, and save what its widgets show."""
    with jupyterlab() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        context = browser.new_context(viewport={"width": 1280, "height": 1000}, device_scale_factor=2)
        page = context.new_page()
        open_jupyterlab(page, server)
        shutil.copy(ROOT / "notebooks" / "00_tour.ipynb", server.root)
        notebook = Notebook(page, "00_tour.ipynb")
        notebook.run_all(until="scripted")
        shots = _play(page)
        notebook.close()
        browser.close()
    _join(shots).save(ROOT / "notebooks" / "tour.png", optimize=True)
    return 0


def _play(page: Page) -> dict[str, Image.Image]:
    ana, ben = (page.get_by_role("region", name=f"Chat room lobby, as {name}") for name in ("ana", "ben"))
    panel = page.get_by_role("region", name="Network of ana")
    people = page.get_by_role("region", name="People in lobby, as ben")
    told = page.get_by_role("region", name="Notifications of ana")
    _say(ana, "Two more stops, @ben. Is it cold?")
    row = ben.locator(".rt-row", has_text="Two more stops")
    row.get_by_role("button", name="Actions").press("Enter")
    row.get_by_role("button", name="React with hooray").press("Enter")
    _say(ben, "It snows! I have a thermos of tea with me")
    expect(ana.get_by_role("log")).to_contain_text("a thermos of tea")
    page.wait_for_function(_MOVED, arg=page.locator(".leaflet-marker-icon[title=ana]").element_handle())
    shots = {"map": _shot(page.locator(".rt-map"))}  # as long as she is on it
    panel.get_by_role("button", name="Go offline").click()
    expect(ana.get_by_role("status")).to_have_text("Offline")
    _say(ana, "We are in the tunnel, see you on the other side")
    expect(people.get_by_role("list", name="Offline")).to_contain_text("ana", timeout=GONE_MS)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    parts = {
        "chat": page.locator(".jp-OutputArea-output:has(.rt-chat)"),
        "panel": panel,
        "people": people,
        "told": told,
    }
    return shots | {name: _shot(part) for name, part in parts.items()}


def _say(room: Locator, words: str) -> None:
    field = room.get_by_role("textbox", name="Message to lobby")
    field.fill(words)
    field.press("Enter")


def _shot(part: Locator) -> Image.Image:
    return Image.open(io.BytesIO(part.screenshot())).convert("RGB")


def _join(shots: dict[str, Image.Image]) -> Image.Image:
    """The rooms above; below them the map and the network on the left, people and notifications on the right."""
    chat = _fit(shots["chat"], WIDTH)
    right = WIDTH - LEFT - GAP
    columns = [(0, [_fit(shots[name], LEFT) for name in ("map", "panel")])]
    columns.append((LEFT + GAP, [_fit(shots[name], right) for name in ("people", "told")]))
    height = chat.height + max(sum(part.height + GAP for part in parts) for _, parts in columns)
    picture = Image.new("RGB", (WIDTH, height), "white")
    picture.paste(chat, (0, 0))
    for x, parts in columns:
        y = chat.height + GAP
        for part in parts:
            picture.paste(part, (x, y))
            y += part.height + GAP
    return picture.quantize(256, dither=Image.Dither.NONE)


def _fit(picture: Image.Image, width: int) -> Image.Image:
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    sys.exit(main())
