"""The list of people in JupyterLab: how they are in words, what is old as old, and one's own status by keyboard."""

import pytest
from playwright.sync_api import expect

SETUP = """
from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import UserStatus
from realtime.utils.ambient import wall_time_ms
from tests.widgets.fakes import FakePhone, connection, member
from widgets import PresenceList

ana = FakePhone("ana")
NOW = wall_time_ms()

def there(*members, synced=True):
    ana.presence.room("lobby").set(RoomPresence("lobby", members, synced))

people = PresenceList(ana)
people
"""

ASKED = "print(ana.presence.asked)"
CREW = """
crew = (
    member("ana", "phone", text="On the tram"),
    member("ana", "tablet", state="background", status="away"),
    member("ben", status="busy", text="In a meeting until three, and then in the next one"),
    member("cleo", state="background", status="away"),
    member("Dora Østby"),
)
ana.presence.own.set(type(ana.presence.own.snapshot)("online", "On the tram"))
there(*crew, member("emil"), member("frida"), member("gus"))
ana.presence.users.set({
    "emil": UserStatus("emil", "online", text="At the harbour"),
    "frida": UserStatus("frida", "offline", last_seen=NOW - 7 * 60_000),
    "gus": UserStatus("gus", "offline", last_seen=NOW - 5 * 3_600_000),
})
with people._feed._lock:
    people.compose()  # it has seen them all before three leave
there(*crew)
"""


def region(page):
    return page.get_by_role("region", name="People in lobby, as ana")


def person(page, name):
    return region(page).get_by_role("listitem").filter(has_text=name)


def test_how_everybody_is_is_said_in_words(notebook, page, shoot):
    notebook.do("people._height_px = 420" + CREW)
    here = region(page).get_by_role("list", name="In the room")
    expect(here.get_by_role("listitem")).to_have_count(4)
    expect(person(page, "ben")).to_contain_text("Busy")
    expect(person(page, "ben")).to_contain_text("In a meeting until three")
    expect(person(page, "cleo")).to_contain_text("Away")
    expect(person(page, "cleo")).to_contain_text("App in the background")
    expect(here.get_by_role("listitem").first).to_contain_text("phone · tablet (in background)")
    expect(region(page).get_by_role("list", name="Elsewhere")).to_contain_text("emil")
    offline = region(page).get_by_role("list", name="Offline")
    expect(offline.get_by_role("listitem").first).to_contain_text("Offline, last seen 7 min ago")
    expect(offline).to_contain_text("last seen 5 h ago")
    shoot(notebook, presence_list=region(page))
    assert page.complaints == []


@pytest.mark.clause("RT-WID-2")
def test_what_is_old_is_seen_as_old(notebook, page, shoot):
    notebook.do(CREW)
    expect(person(page, "ben")).to_contain_text("Busy")
    notebook.do("ana.socket.connection_state.set(connection('reconnecting')); there(*crew, synced=False)")
    expect(region(page).get_by_role("button", name="Your status: Offline")).to_be_visible()
    expect(region(page).get_by_role("status").filter(has_text="As of")).to_contain_text("just now")
    expect(person(page, "ben")).to_contain_text("was busy")
    shoot(notebook, presence_old=region(page))
    notebook.do("ana.socket.connection_state.set(connection()); there(*crew)")
    expect(region(page).get_by_role("status").filter(has_text="As of")).to_have_count(0)
    expect(person(page, "ben")).to_contain_text("Busy")


def test_the_own_status_is_chosen_by_keyboard_alone(notebook, page, shoot):
    notebook.do(CREW)
    line = region(page).get_by_role("button", name="Your status: Online, “On the tram”. Change it")
    line.focus()
    page.keyboard.press("Enter")
    expect(region(page).get_by_role("radio", name="Online")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    notebook.until("('status', 'busy')", ASKED)
    expect(region(page).get_by_role("radio", name="Busy")).to_be_checked()
    shoot(notebook, presence_own=region(page))
    field = region(page).get_by_role("textbox", name="Your own words")
    field.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("dd: back at <b>three</b>")
    page.keyboard.press("Enter")
    line = region(page).get_by_role("button", name="Your status: Busy, “dd")
    expect(line).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).to_be_visible()
    page.keyboard.press("Escape")
    expect(line).to_be_focused()
    expect(field).to_be_hidden()
    notebook.until("('status', 'busy', 'dd: back at <b>three</b>')", ASKED)
    assert len(notebook.cells) == 2
    assert page.complaints == []


def test_a_row_stays_the_same_while_its_person_changes_and_a_crowd_is_bounded(notebook, page):
    notebook.do(CREW)
    expect(person(page, "ben")).to_contain_text("Busy")
    ben = person(page, "ben").element_handle()
    notebook.do("there(member('ana'), member('aaron'), member('ben', text='Back'), *crew[3:])")
    expect(person(page, "ben")).to_contain_text("Back")
    assert ben.evaluate("row => row.isConnected")
    expect(region(page).locator("[aria-live=polite]")).to_have_text("aaron is here, ben is online")
    notebook.do("there(*[member(f'user {n:04}') for n in range(2000)])")
    expect(region(page).locator(".rt-group").first).to_have_text("In the room · 2000")
    expect(region(page)).to_contain_text("and 1800 more")
    assert region(page).locator(".rt-person").count() < 260
    expect(region(page).locator("[aria-live=polite]")).to_contain_text("people came, went or changed")


def test_it_fits_a_narrow_phone(notebook, page, shoot):
    notebook.do(CREW + "people.layout.width = '240px'")
    expect(person(page, "ben")).to_contain_text("Busy")
    page.wait_for_function("el => el.getBoundingClientRect().width < 241", arg=region(page).element_handle())
    assert region(page).evaluate("el => el.scrollWidth - el.clientWidth") == 0
    shoot(notebook, presence_narrow=region(page))
