"""The map in JupyterLab: without internet, by keyboard, light on dark."""

from playwright.sync_api import expect

SETUP = """
import time
import widgets.basemap
from realtime.location.fix import Fix, LocationState
from realtime.location.track import read_gpx
from realtime.utils.share import share_path
from tests.widgets.fakes import FakePhone
from widgets import LocationMap

widgets.basemap.tiles_reachable = lambda: False  # wherever this runs
ana = FakePhone("ana")
ride = read_gpx(share_path("data") / "tracks" / "tram.gpx")

def fixes(start_s, end_s, accuracy_m, age_s):
    start_ms = round(1000 * (time.time() - age_s - end_s))
    for at_s in range(start_s, end_s, 2):
        moment = ride.at(at_s)
        yield Fix(latitude=moment.latitude, longitude=moment.longitude, accuracy_m=accuracy_m,
                  timestamp_ms=start_ms + 1000 * at_s, speed_mps=moment.speed_mps)

def move(user_id, start_s, end_s, accuracy_m=12.0, age_s=0):
    state = ana.location.state.snapshot
    for fix in fixes(start_s, end_s, accuracy_m, age_s):
        state = state.moved(user_id, fix)
    ana.location.state.set(state)

move("ana", 0, 200)
move("ben", 360, 420, accuracy_m=180.0, age_s=420)
LocationMap(ana, tiles="auto")
"""

IN_THE_MIDDLE = """([map, marker]) => {
    const [outer, inner] = [map, marker].map(each => each.getBoundingClientRect());
    const off = side => Math.abs(outer[side] + outer[side === "x" ? "width" : "height"] / 2
        - inner[side] - inner[side === "x" ? "width" : "height"] / 2);
    return off("x") < 2 && off("y") < 2 && !map.querySelector(".leaflet-pan-anim");
}"""


def test_a_marker_moves_on_a_map_that_needs_no_internet(notebook, page, shoot):
    markers = page.locator(".leaflet-marker-icon:has(.rt-pin)")
    expect(markers).to_have_count(2)
    ana = page.locator(".leaflet-marker-icon[title=ana]")
    before = ana.bounding_box()
    notebook.do("move('ana', 200, 260)")
    page.wait_for_function(
        "([marker, before]) => Math.abs(marker.getBoundingClientRect().x - before.x) > 5",
        arg=[ana.element_handle(), before],
    )
    expect(page.get_by_role("button", name="ana")).to_contain_text("km/h, ±12 m")
    expect(page.get_by_role("button", name="ben")).to_contain_text("7 min ago, ±180 m")
    shoot(notebook, location_map=page.locator(".rt-map"))
    assert page.complaints == []


def test_the_map_is_moved_by_keyboard_and_jupyterlab_does_not_notice(notebook, page):
    notebook.theme("Dark")
    ana = page.locator(".leaflet-marker-icon[title=ana]")
    expect(ana).to_be_visible()
    page.get_by_role("button", name="ben").focus()
    page.keyboard.press("Enter")
    leaflet = page.get_by_role("region", name="Map of lobby: arrow keys move it, plus and minus zoom")
    ben = page.locator(".leaflet-marker-icon[title=ben]")
    page.wait_for_function(IN_THE_MIDDLE, arg=[leaflet.element_handle(), ben.element_handle()])
    before = ana.bounding_box()
    leaflet.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([marker, before]) => marker.getBoundingClientRect().x < before.x - 20", arg=[ana.element_handle(), before]
    )
    assert page.evaluate("() => jupyterapp.shell.currentWidget.content.activeCellIndex") == 0
    ana.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-popup-content")).to_have_text("ana")
    notebook.theme("Light")
