"""The tour as its reader meets it: JupyterLab, Chromium, real phones, a hand on the network."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import ROOT, Notebook
from tests.browser.typing_hand import type_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def tour(jupyterlab_page, server):
    """The tour, run up to where its code does what a reader's hand could do."""
    shutil.copy(ROOT / "notebooks" / "00_tour.ipynb", server.root)
    notebook = Notebook(jupyterlab_page, "00_tour.ipynb")
    notebook.next = notebook.run_all(until="scripted")
    yield notebook
    notebook.close()


@pytest.fixture
def room(tour, page):
    """``room("ana")`` is ana's chat room on the page."""
    return lambda name: page.get_by_role("region", name=f"Chat room lobby, as {name}")


def test_the_tram_moves_on_bens_map(tour, page, shoot):
    """The ride takes less than a minute, so that this comes first."""
    ana = page.locator(".leaflet-marker-icon[title=ana]")
    before = ana.bounding_box()
    page.wait_for_function(
        "([marker, x]) => Math.abs(marker.getBoundingClientRect().x - x) > 3", arg=[ana.element_handle(), before["x"]]
    )
    expect(page.get_by_role("button", name="ana").filter(has_text="±5 m")).to_be_visible()
    shoot(tour, tour_map=page.locator(".rt-map"))


@pytest.mark.clause("RT-WID-1", "RT-CHAT-4")
def test_what_is_typed_in_one_phones_room_appears_in_the_others(room, page):
    field = room("ana").get_by_role("textbox")
    type_until(field, "Typed by hand", room("ben").get_by_text("ana is typing…"))
    field.press("Enter")
    expect(room("ben").get_by_role("log")).to_contain_text("Typed by hand")
    expect(room("ben")).not_to_contain_text("ana is typing…")
    expect(room("ana").get_by_role("log").locator(".rt-bubble").last).to_contain_text("✓✓ read")  # it is in sight
    room("ben").get_by_role("textbox").fill("And answered")
    room("ben").get_by_role("button", name="Send").click()
    expect(room("ana").get_by_role("log")).to_contain_text("And answered")


def test_what_is_done_with_a_message_shows_at_the_other_phone(room, page):
    ana, ben = (room(name).locator(".rt-row", has_text="Typed by hand") for name in ("ana", "ben"))
    ben.get_by_role("button", name="Actions").press("Enter")
    ben.get_by_role("button", name="React with heart").press("Enter")
    expect(ana.get_by_role("button", name="❤️ ben")).to_be_visible()
    ana.get_by_role("button", name="Actions").press("Enter")
    ana.get_by_role("button", name="Edit").press("Enter")
    room("ana").get_by_role("textbox", name="New text").fill("Typed by hand, twice")
    page.keyboard.press("Enter")
    expect(ben).to_contain_text("Typed by hand, twice")
    expect(ben).to_contain_text("edited")
    ana.get_by_role("button", name="Actions").press("Enter")
    ana.get_by_role("button", name="Delete").press("Enter")
    room("ana").get_by_role("button", name="Delete for everybody").press("Enter")
    expect(room("ben").locator(".rt-row", has_text="Message deleted")).to_be_visible()
    expect(ben).to_have_count(0)


def test_who_is_there_and_what_ana_is_told_shows(tour, page, shoot):
    people = page.get_by_role("region", name="People in lobby, as ben")
    expect(people.get_by_role("list", name="In the room").get_by_role("listitem")).to_have_count(2)
    expect(people).to_contain_text("At the station")
    people.get_by_role("button", name="Your status").click()
    people.get_by_role("radio", name="Busy").check()
    expect(people.get_by_role("listitem").filter(has_text="ben")).to_contain_text("Busy")
    people.get_by_role("radio", name="Online").check()
    expect(people.get_by_role("listitem").filter(has_text="ben")).to_contain_text("Online")
    people.get_by_role("button", name="Your status").click()
    told = page.get_by_role("region", name="Notifications of ana")
    notes = told.get_by_role("group", name="Open").get_by_role("article")
    expect(notes).to_have_count(2)
    expect(notes.first).to_contain_text("Line 12")
    expect(told.locator(".rt-toast")).to_have_count(0)
    shoot(tour, tour_people=people, tour_told=told)
    notes.filter(has_text="cleo").press("Enter")
    expect(told.get_by_role("status").filter(has_text="Opened “cleo” → room/harbour")).to_be_visible()
    expect(notes).to_have_count(1)
    notes.press("Delete")
    expect(told).to_contain_text("You have seen it all")


@pytest.mark.clause("RT-QUEUE-1", "RT-CHAT-1")
def test_a_message_sent_offline_waits_and_arrives_when_the_network_is_back(room, tour, page, shoot):
    panel = page.get_by_role("region", name="Network of ana")
    panel.get_by_role("button", name="Go offline").click()
    connection = room("ana").locator("header").get_by_role("status")
    expect(connection).to_have_text("Offline")
    expect(panel.get_by_role("button", name="Go online")).to_be_visible()
    room("ana").get_by_role("textbox").fill("From flight mode")
    room("ana").get_by_role("textbox").press("Enter")
    mine = room("ana").locator(".rt-bubble").last
    expect(mine).to_contain_text("From flight mode")
    expect(mine).to_contain_text("waits for the network")
    expect(connection).to_have_text("Offline · 1 waiting")
    shoot(
        tour,
        tour_chat_offline=page.locator(".jp-OutputArea-output:has(.rt-chat)"),
        tour_panel_offline=panel,
    )
    assert "From flight mode" not in room("ben").get_by_role("log").inner_text()
    panel.get_by_role("button", name="Go online").click()
    expect(room("ben").get_by_role("log")).to_contain_text("From flight mode")
    expect(mine).to_contain_text(re.compile("✓✓ (delivered|read)"))
    expect(connection).to_have_text("Connected")


def test_a_slider_changes_the_network_while_the_connection_lives(room, tour, page):
    panel = page.get_by_role("region", name="Network of ana")
    delay = panel.get_by_role("slider", name="Delay, each way")
    delay.fill("40")
    expect(delay).to_have_attribute("aria-valuetext", "400 ms")
    expect(panel.get_by_role("combobox", name="Profile")).to_have_value("")
    expect(panel.get_by_role("status")).to_have_text("Connected")
    panel.get_by_role("combobox", name="Profile").select_option("lte")
    expect(delay).not_to_have_attribute("aria-valuetext", "400 ms")


def test_the_rest_runs_after_all_that_and_nothing_is_lost(tour, page, shoot):
    scripted = tour.next
    for index in range(scripted, len(tour.cells)):
        if "end" in tour.cells[index]["metadata"].get("tags", []):
            shoot(
                tour,
                tour_notebook=page.locator(".jp-NotebookPanel:visible"),
                tour_panel=page.get_by_role("region", name="Network of ana"),
                tour_chat=page.locator(".jp-OutputArea-output:has(.rt-chat)"),
            )
        if tour.cells[index]["cell_type"] == "code":
            tour.run(index)
    assert page.complaints == []
