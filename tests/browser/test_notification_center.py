"""The notification centre in JupyterLab: banners that go, a list worked by keyboard, the system's tray, quiet hours."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

SETUP = """
from msgspec.structs import replace
from realtime.notifications.notification import Priority
from realtime.notifications.quiet_hours import QuietHours
from realtime.utils.ambient import wall_time_ms
from tests.widgets.fakes import FakePhone, connection, entry, notification
from widgets import NotificationCenter

ana = FakePhone("ana")
told = ana.notifications
NOW = wall_time_ms()

def minutes_ago(minutes, *of, **changes):
    return replace(entry(*of, **changes), received_ms=NOW - round(60_000 * minutes))

center = NotificationCenter(ana, banner_s=0.001)
center
"""

ASKED = "print(told.asked)"
SOME = """
some = (
    minutes_ago(50, 1, "Timetable", body="The tram runs every ten minutes from Monday on", priority=Priority.LOW),
    minutes_ago(9, 2, "ben", body="We meet at the <b>harbour</b>, is the tram late?", room_id="lobby",
                data={"url": "room/lobby"}),
    minutes_ago(4, 3, "Line 12", body="A tree lies on the track behind the bridge. Trams turn at the square, and "
                "a bus goes on from there every quarter of an hour until the evening, or longer.",
                priority=Priority.URGENT, data={"url": "line/12"}),
    minutes_ago(1, 4, "cleo", body="I have a table", room_id="harbour", priority=Priority.HIGH),
    minutes_ago(0, 5, "dora", body="Inside or outside?", status="waiting"),
)
past = (minutes_ago(80, 10, "emil", status="read"), minutes_ago(95, 11, "Sale", status="expired"))
told.show(*past, *some)
"""


def region(page):
    return page.get_by_role("region", name="Notifications of ana")


def opened(page):
    return region(page).get_by_role("group", name="Open")


def note(page, words):
    return region(page).get_by_role("article").filter(has_text=words)


def test_the_important_ones_come_first_each_in_words(notebook, page, shoot):
    notebook.do("center._height_px = 460" + SOME)
    notes = opened(page).get_by_role("article")
    expect(notes).to_have_count(5)
    assert [each.split("\n")[0] for each in notes.locator(".rt-note-title").all_inner_texts()] == [
        "Line 12",
        "cleo",
        "dora",
        "ben",
        "Timetable",
    ]
    expect(notes.first).to_contain_text("Urgent")
    expect(notes.first).to_contain_text("4 min ago")
    expect(note(page, "dora")).to_contain_text("waits for its turn")
    expect(note(page, "ben")).to_contain_text("We meet at the <b>harbour</b>")
    expect(region(page).get_by_role("img", name="5 open")).to_be_visible()
    show = region(page).get_by_role("button", name="Show")
    show.click()
    expect(region(page).get_by_role("group", name="Earlier")).to_contain_text("expired unseen")
    shoot(notebook, notification_center=region(page))
    region(page).get_by_role("button", name="Hide").click()
    assert page.complaints == []


def test_it_is_worked_by_keyboard_alone(notebook, page):
    notebook.do(SOME)
    expect(note(page, "Line 12")).to_be_visible()
    note(page, "Line 12").focus()
    page.keyboard.press("ArrowDown")
    expect(note(page, "cleo")).to_be_focused()
    page.keyboard.press("Delete")
    page.keyboard.press("End")
    expect(note(page, "Timetable")).to_be_focused()
    page.keyboard.press("Tab")
    expect(region(page).get_by_role("button", name="Open “Timetable”")).to_be_focused()
    page.keyboard.press("Tab")
    expect(region(page).get_by_role("button", name="Mark as read “Timetable”")).to_be_focused()
    page.keyboard.press("Enter")
    note(page, "Line 12").focus()
    page.keyboard.press("Enter")
    notebook.until("[('dismiss', 'n4'), ('read', 'n1'), ('open', 'n3')]", ASKED)
    notebook.do("told.dispatch('opened', notification(3, 'Line 12', data={'url': 'line/12'}))")
    expect(region(page).get_by_role("status").filter(has_text="Opened “Line 12” → line/12")).to_be_visible()
    region(page).get_by_role("button", name="Clear all").click()
    notebook.until("('clear',)", ASKED)
    assert len(notebook.cells) == 2
    assert page.complaints == []


def test_the_focus_stays_in_the_list_when_its_notification_goes(notebook, page):
    notebook.do(SOME)
    note(page, "cleo").focus()
    page.keyboard.press("Delete")
    page.evaluate("() => { window.left = document.activeElement; }")
    notebook.do("told.show(*past, *(each for each in some if each.notification.title != 'cleo'))", wait=False)
    expect(note(page, "cleo")).to_have_count(0)
    expect(note(page, "dora")).to_have_attribute("tabindex", "0")


def test_a_banner_comes_is_answered_and_goes(notebook, page, shoot):
    page.mouse.move(0, 0)
    toasts = region(page).locator(".rt-toast")
    expect(region(page)).to_contain_text("You have seen it all")  # what was there before the page is no news to it
    notebook.do("center._banner_ms = 600_000" + SOME)
    expect(toasts).to_have_count(2)
    notebook.do(
        "told.show(*past, *some, entry(6, 'gus', body='Look, @ana, a seal!'), "
        "entry(7, 'Fire', body='Leave the station', priority=Priority.URGENT))"
    )
    expect(toasts).to_have_count(2)
    expect(region(page).locator("[aria-live=assertive]")).to_have_text("FIFireLeave the station✕")
    expect(region(page).locator("[aria-live=polite]")).to_contain_text("a seal!")
    shoot(notebook, notification_toasts=region(page))
    toasts.filter(has_text="gus").get_by_role("button").first.click()
    expect(toasts).to_have_count(1)
    notebook.until("('open', 'n6')", ASKED)
    toasts.filter(has_text="Fire").get_by_role("button", name="Dismiss").press("Enter")
    expect(toasts).to_have_count(0)
    notebook.until("('dismiss', 'n7')", ASKED)

    page.mouse.move(0, 0)  # none goes under a hand
    notebook.do("told.show(*past, *some, entry(8, 'stays'))")
    expect(toasts).to_have_count(1)
    notebook.do("center._banner_ms = 500; told.show(*past, *some, entry(8, 'stays'), entry(9, 'goes'))")
    expect(opened(page)).to_contain_text("goes")
    expect(toasts).to_have_count(1)
    expect(toasts).to_contain_text("stays")
    notebook.do("told.show(*past, *some)")
    expect(toasts).to_have_count(0)


@pytest.mark.clause("RT-WID-3")
def test_in_the_background_the_systems_tray_is_shown(notebook, page, shoot):
    notebook.do(
        SOME
        + """
ana.background()
ana.socket.connection_state.set(connection("suspended"))
told.show(*past, *some[:2], tray=(
    notification(21, "ben", body="3 new messages", data={"url": "room/lobby"}, room_id="lobby"),
    notification(22, "Line 12", body="Runs again", priority=Priority.URGENT),
))
"""
    )
    tray = region(page).get_by_role("group", name="In the system's tray")
    expect(tray.get_by_role("article")).to_have_count(2)
    expect(region(page).get_by_role("status").filter(has_text="In background")).to_be_visible()
    expect(region(page)).to_contain_text("the system shows what comes by push")
    expect(region(page).get_by_role("button", name="Clear all")).to_have_count(1)
    shoot(notebook, notification_tray=region(page))
    tray.get_by_role("article").filter(has_text="ben").press("Enter")
    notebook.until("('open', 'n21')", ASKED)


def test_quiet_hours_are_set_and_seen(notebook, page, shoot):
    line = region(page).get_by_role("button", name="No quiet hours. Change the quiet hours")
    line.click()
    expect(region(page).get_by_label("Quiet from")).to_be_focused()
    start, end = (datetime.now() + timedelta(hours=hours) for hours in (-2, 2))
    region(page).get_by_label("Quiet from").fill(f"{start:%H:%M}")
    region(page).get_by_label("Quiet until").fill(f"{end:%H:%M}")
    region(page).get_by_role("button", name="Set").click()
    now = region(page).get_by_role("button", name=f"Quiet until {end:%I:%M %p}")
    expect(now).to_be_focused()
    notebook.do(SOME)
    expect(note(page, "dora")).to_contain_text("waits for the end of the quiet hours")
    now.click()
    shoot(notebook, notification_quiet=region(page))
    region(page).get_by_role("button", name="Turn off").click()
    expect(line).to_be_visible()
    notebook.until("None", "print(told.quiet)")


def test_it_fits_a_narrow_phone_and_holds_a_flood(notebook, page, shoot):
    notebook.do(SOME + "center.layout.width = '260px'")
    expect(note(page, "Line 12")).to_be_visible()
    page.wait_for_function("el => el.getBoundingClientRect().width < 261", arg=region(page).element_handle())
    assert region(page).evaluate("el => el.scrollWidth - el.clientWidth") == 0
    shoot(notebook, notification_narrow=region(page))
    notebook.do("told.show(*(entry(n, f'number {n}') for n in range(100, 1100)))")
    expect(region(page)).to_contain_text("and 900 more")
    expect(region(page).get_by_role("img", name="1000 open")).to_have_text("99+")
    assert region(page).locator(".rt-note").count() == 100
