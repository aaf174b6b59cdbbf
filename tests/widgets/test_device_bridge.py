"""The bridge: what a page says moves the phone, and the phone hears of it whatever else is going on."""

import asyncio
import logging
import threading

import pytest

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.net_info import NetInfo, NetType
from realtime.lab import background, live
from realtime.location.battery import Battery
from realtime.notifications.permission import PermissionStatus
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.sim.world import simulate
from tests.fake_socket import FakeSocket
from tests.widgets.device_page import Page, report
from tests.widgets.waiting import eventually
from widgets import device_bridge
from widgets.device_bridge import DeviceBridge
from widgets.device_link import PageState
from widgets.device_report import Sense

FIX = {"latitude": 59.9127, "longitude": 10.7461, "accuracy": 8, "timestamp": 1_700_000_000_000}
ON, OFF, DENIED = {"sense": "on"}, {"sense": "off"}, {"sense": "denied", "detail": "the user said no"}


class Rig:
    """A bridge of a plain client on the test's own loop; ``said`` is what it told the pages."""

    def __init__(self, **options):
        self.app, self.net, self.battery = AppState(), NetInfo(NetType.WIFI), Battery()
        self.bridge = DeviceBridge(app_state=self.app, net_info=self.net, battery=self.battery, title="ana", **options)
        self.said = []
        self.bridge.send = lambda content, buffers=None: self.said.append(content)

    def page(self, name="p1"):
        return Page(self.hear, name)

    def hear(self, content):
        self.bridge._handle_custom_msg(content, [])

    def heard(self):
        return [each for each in self.said if each["type"] == "heard"]

    @property
    def state(self):
        return self.bridge.state.snapshot


@pytest.fixture
async def rig():
    rig = Rig()
    yield rig
    rig.bridge.close()


def in_virtual_time(story, *, seed):
    """Tell it in a simulated world: a wait takes no time, and no machine is too slow.

    Each with a seed of its own, from which the ids of its widgets come: none may come twice in a process.
    """
    simulate(lambda world: story(), seed=seed)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_its_repr_is_stable():
    bridge = DeviceBridge(title="ana")
    assert repr(bridge) == "DeviceBridge('ana', no page: no page was started)"
    assert repr(bridge.state.snapshot) == "<DeviceState no page: no page was started>"
    bridge.close()


@pytest.mark.clause("RT-DEV-1")
async def test_nothing_moves_before_a_page_is_started(rig):
    assert rig.state.page is PageState.NO_PAGE
    assert (rig.app.value, rig.net.type) == (AppStateValue.ACTIVE, NetType.WIFI)
    assert rig.bridge.compose()["page"] is None


@pytest.mark.clause("RT-DEV-3")
async def test_a_page_that_is_started_is_the_phone(rig):
    rig.page().start(visible=True, online=True, carrier="cellular", battery={"level": 0.4, "charging": False})
    await settle()
    assert (rig.state.page, rig.state.is_visible, rig.state.is_online) == (PageState.HERE, True, True)
    assert rig.net.type is NetType.CELLULAR
    assert (rig.battery.level, rig.battery.is_charging) == (0.4, False)
    assert rig.heard() == [{"type": "heard", "page": "p1", "run": 1, "seq": 1, "phone": True, "refused": None}]
    assert rig.bridge.compose()["page"] == "p1"


@pytest.mark.clause("RT-DEV-2")
async def test_out_of_sight_is_the_background(rig):
    page = rig.page()
    page.start()
    page.tell(visible=False)
    await settle()
    assert rig.app.value is AppStateValue.BACKGROUND
    page.tell(visible=False, frozen=True)
    await settle()
    assert rig.state.page is PageState.ASLEEP
    page.tell(visible=True, frozen=False)
    await settle()
    assert (rig.app.value, rig.state.page) == (AppStateValue.ACTIVE, PageState.HERE)


async def test_a_heartbeat_is_no_change(rig):
    page, told = rig.page(), []
    page.start()
    await settle()
    rig.bridge.state.observe(told.append)
    page.tell()
    await settle()
    assert told == []
    assert len(rig.heard()) == 2


@pytest.mark.clause("RT-DEV-3")
async def test_offline_and_back(rig):
    page = rig.page()
    page.start(carrier="wifi")
    page.tell(online=False)
    await settle()
    assert not rig.net.is_connected
    page.tell(online=True)
    await settle()
    assert rig.net.type is NetType.WIFI


async def test_what_is_changed_by_hand_stands_until_the_page_changes(rig):
    page = rig.page()
    page.start()
    await settle()
    rig.net.update(is_connected=False)
    page.tell()  # a heartbeat
    await settle()
    assert not rig.net.is_connected


@pytest.mark.clause("RT-DEV-1")
async def test_a_stop_puts_everything_back(rig):
    page = rig.page()
    page.start(visible=False, carrier="cellular", battery={"level": 0.1, "charging": True}, position=ON)
    await settle()
    page.tell(phase="stop")
    await settle()
    assert (rig.app.value, rig.net.type, rig.battery.level) == (AppStateValue.ACTIVE, NetType.WIFI, 1.0)
    assert (rig.state.page, rig.state.reason) == (PageState.NO_PAGE, "stopped on the page")
    assert (rig.state.position.sense, rig.state.is_visible, rig.state.battery) == (Sense.OFF, None, None)
    assert rig.heard()[-1]["phone"] is False


async def test_python_can_stop_it_from_any_thread(rig):
    page = rig.page()
    page.start(visible=False)
    await settle()
    thread = threading.Thread(target=rig.bridge.stop)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.001)
    assert (rig.app.value, rig.state.reason) == (AppStateValue.ACTIVE, "stopped in Python")
    page.tell(visible=False)
    await settle()
    assert rig.app.value is AppStateValue.ACTIVE


@pytest.mark.clause("RT-DEV-2")
async def test_a_page_that_is_closed_is_an_app_that_is_closed(rig):
    page = rig.page()
    page.start()
    page.tell(visible=False, phase="bye")
    await settle()
    assert (rig.app.value, rig.state.page) == (AppStateValue.BACKGROUND, PageState.NO_PAGE)
    assert rig.state.reason == "the page was closed"
    rig.bridge.close()
    assert rig.app.value is AppStateValue.ACTIVE


@pytest.mark.clause("RT-DEV-3")
def test_a_page_that_falls_silent_is_a_phone_without_a_network():
    async def story():
        rig = Rig(silence_s=10)
        page = rig.page()
        page.start(carrier="cellular")
        await asyncio.sleep(9.9)
        assert rig.state.page is PageState.HERE
        await asyncio.sleep(0.2)
        assert (rig.state.page, rig.state.reason) == (PageState.NO_PAGE, "nothing was heard of the page for 10 s")
        assert not rig.net.is_connected
        assert rig.app.value is AppStateValue.ACTIVE
        page.tell()
        await settle()
        assert (rig.state.page, rig.net.type) == (PageState.HERE, NetType.CELLULAR)
        rig.bridge.close()

    in_virtual_time(story, seed=7001)


def test_what_its_system_shows_stays_while_a_page_is_merely_silent():
    """Taken away and shown again, it would ring twice."""

    async def story():
        rig = Rig(silence_s=10)
        handler = PushNotificationHandler(FakeSocket(), user_id="ana", app_state=rig.app)
        rig.bridge.show_tray_of(handler)
        page = rig.page()
        page.start(visible=False, notifications=ON)
        await settle()
        handler.received({"id": "n1", "title": "ben"})
        page.tell(visible=True)
        await asyncio.sleep(10.1)
        assert rig.state.page is PageState.NO_PAGE
        assert [each["id"] for each in rig.bridge.compose()["tray"]] == ["n1"]
        assert handler.state.snapshot.permission is PermissionStatus.GRANTED
        page.tell(phase="bye")
        await settle()
        assert rig.bridge.compose()["tray"] == []
        rig.bridge.close()

    in_virtual_time(story, seed=7002)


@pytest.mark.clause("RT-DEV-5")
async def test_the_last_page_that_was_started_is_the_phone(rig):
    one, other = rig.page("one"), rig.page("other")
    one.start(visible=False)
    other.start(visible=True)
    one.tell(visible=False)
    await settle()
    assert rig.app.value is AppStateValue.ACTIVE
    assert rig.bridge.compose()["page"] == "other"
    assert [each["phone"] for each in rig.heard()] == [True, True, False]


@pytest.mark.clause("RT-DEV-4")
async def test_fixes_are_a_source_and_are_given_once(rig):
    heard = []

    async def read():
        async for fix in rig.bridge.location:
            heard.append(fix.timestamp_ms - FIX["timestamp"])

    task = asyncio.get_running_loop().create_task(read())
    page = rig.page()
    page.start(position=ON, fixes=[FIX | {"timestamp": FIX["timestamp"] + n} for n in (2, 1)])
    await settle()
    page.tell(fixes=[FIX | {"timestamp": FIX["timestamp"] + n} for n in (1, 2, 3)])  # the answer was late
    await settle()
    assert heard == [1, 2, 3]
    assert rig.state.fix is not None
    assert (rig.state.fix.timestamp_ms - FIX["timestamp"], rig.state.fixes) == (3, 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_who_reads_later_begins_with_the_present_position(rig):
    page = rig.page()
    page.start(position=ON, fixes=[FIX])
    await settle()
    reader = aiter(rig.bridge.location)
    async with asyncio.timeout(20):
        assert (await anext(reader)).position == (59.9127, 10.7461)
    await reader.aclose()
    page.tell(position=OFF)
    await settle()
    assert rig.state.fix is None
    assert rig.bridge._present() is None


@pytest.mark.clause("RT-DEV-7")
async def test_what_is_denied_is_said(rig):
    rig.page().start(position=DENIED, notifications={"sense": "insecure"})
    await settle()
    assert (rig.state.position.sense, rig.state.position.detail) == (Sense.DENIED, "the user said no")
    assert rig.bridge.permission.status is PermissionStatus.DENIED
    assert rig.bridge.compose()["seen"]["position"] == {"sense": "denied", "detail": "the user said no"}


@pytest.mark.clause("RT-DEV-8")
@pytest.mark.parametrize(
    "wrong",
    [
        {"fixes": [FIX | {"latitude": float("nan")}]},
        {"fixes": [FIX | {"accuracy": "near"}]},
        {"visible": "no"},
        {"battery": {"level": 7, "charging": True}},
        {"position": {"sense": "maybe"}},
    ],
)
async def test_nonsense_changes_nothing_and_is_said(rig, wrong, caplog):
    page = rig.page()
    page.start(position=ON, fixes=[FIX])
    await settle()
    before, shown = rig.state, rig.bridge.compose()
    with caplog.at_level(logging.WARNING, logger="realtime.widgets"):
        rig.hear(report(seq=2, visible=False, online=False) | wrong)
    await settle()
    assert (rig.state, rig.bridge.compose()) == (before, shown)
    assert (rig.app.value, rig.net.type) == (AppStateValue.ACTIVE, NetType.UNKNOWN)
    answer = rig.heard()[-1]
    assert (answer["page"], answer["seq"], answer["phone"]) == ("p1", 2, True)
    assert next(iter(wrong)) in answer["refused"]


async def test_what_is_no_report_at_all_is_refused(rig, caplog):
    for content in ({"type": "report"}, report(page=[]), report(seq=None), {"type": "reboot"}):
        rig.hear(content)
    await settle()
    assert rig.heard() == []
    assert [each["type"] for each in rig.said] == ["refused"] * 4


async def test_reports_come_on_any_thread(rig):
    page = rig.page()
    threads = []

    def work():
        page.start(visible=False)

    threads.append(threading.Thread(target=work))
    threads[0].start()
    seen = []
    rig.app.observe(lambda value: seen.append(threading.current_thread()))
    while not seen:
        await asyncio.sleep(0.001)
    assert seen == [threading.current_thread()]
    threads[0].join()


@pytest.mark.clause("RT-DEV-6")
async def test_the_systems_tray_is_shown_on_the_page_and_a_click_opens(rig):
    opened = []
    handler = PushNotificationHandler(FakeSocket(), user_id="ana", app_state=rig.app)
    handler.on("opened", lambda note: opened.append(note.id))
    rig.bridge.show_tray_of(handler)
    assert handler.state.snapshot.permission is PermissionStatus.GRANTED  # nobody was asked by a page
    page = rig.page()
    page.start(visible=False, notifications=OFF)
    await settle()
    assert handler.state.snapshot.permission is PermissionStatus.UNDETERMINED
    assert handler.received({"id": "n1", "title": "ben", "body": "hi", "collapseKey": "room:lobby"})
    assert rig.bridge.compose()["tray"] == []
    page.tell(notifications=ON)
    await settle()
    assert handler.state.snapshot.permission is PermissionStatus.GRANTED
    assert rig.bridge.compose()["tray"] == [{"id": "n1", "title": "ben", "body": "hi", "tag": "room:lobby"}]
    page.tell(opened=["n1", "unknown"])
    await settle()
    assert opened == ["n1"]
    assert rig.bridge.compose()["tray"] == []
    rig.bridge.stop()
    assert handler.permission is not rig.bridge.permission
    assert handler.state.snapshot.permission is PermissionStatus.GRANTED


async def test_permission_is_asked_for_on_the_page(rig):
    page = rig.page()
    page.start(notifications=OFF)
    await settle()
    task = asyncio.get_running_loop().create_task(rig.bridge.permission.request())
    await settle()
    assert rig.bridge.compose()["asked"] is True
    page.tell(notifications=DENIED)
    assert await task is PermissionStatus.DENIED
    assert rig.bridge.compose()["asked"] is False


async def test_a_phone_has_one_bridge_and_closing_ends_everything(rig):
    rig.page().start(visible=False)
    await settle()
    second = DeviceBridge(app_state=rig.app)
    assert rig.state.reason == "stopped in Python"
    assert rig.app.value is AppStateValue.ACTIVE
    rig.page().start(visible=False)
    await settle()
    assert rig.app.value is AppStateValue.ACTIVE
    second.close()
    second.close()
    assert rig.app._observers == {}


def test_it_brings_what_it_is_not_given():
    bridge = DeviceBridge()
    assert (bridge.app_state.value, bridge.net_info.type, bridge.battery.level) == (
        AppStateValue.ACTIVE,
        NetType.UNKNOWN,
        1.0,
    )
    bridge.close()


def test_options_are_checked():
    with pytest.raises(TypeError, match="did you mean 'net_info'"):
        DeviceBridge(netinfo=NetInfo())
    with pytest.raises(ValueError, match="silence_s"):
        DeviceBridge(silence_s=0)
    with live.start() as lab, pytest.raises(TypeError, match="app_state"):
        DeviceBridge(lab.phone("ana", None), app_state=AppState())


def test_a_phone_of_the_lab_is_moved_on_its_own_loop():
    """A page reports on the test's thread; the phone's state changes on the lab's, and the room sees where it is."""
    with live.start(seed=1) as lab:
        ana, ben = lab.phone("ana", None), lab.phone("ben", None)
        bridge = DeviceBridge(ana)
        threads = []
        ana.app_state.observe(lambda value: threads.append(threading.current_thread()))
        page = Page(bridge.hear)
        page.start(position=ON, fixes=[FIX])
        ana.location.start(source=bridge.location)
        eventually(lambda: "ana" in ben.location.state.snapshot.fixes)
        assert ben.location.state.snapshot.fixes["ana"].position == (59.9127, 10.7461)
        page.tell(visible=False)
        eventually(lambda: ana.app_state.value is AppStateValue.BACKGROUND)
        eventually(lambda: not ana.location.tracking)
        page.tell(visible=True, fixes=[FIX | {"latitude": 59.92, "timestamp": FIX["timestamp"] + 60_000}])
        eventually(lambda: ben.location.state.snapshot.fixes["ana"].latitude == 59.92)
        assert set(threads) == {background.background_loop().thread}
        bridge.close()
        assert repr(bridge) == "DeviceBridge('ana', no page: stopped in Python)"


@pytest.mark.parametrize("thing", ["ana", AppState()])
def test_what_is_no_phone_is_refused_with_what_to_do(thing):
    with pytest.raises(TypeError, match=r"takes a phone of a lab, .*app_state=… and net_info=…, not "):
        DeviceBridge(thing)


def test_a_loop_that_is_blocked_is_told_of(monkeypatch):
    monkeypatch.setattr(device_bridge, "_WAIT_S", 0.05)
    loop, go_on = background.background_loop().loop, threading.Event()
    bridge = DeviceBridge(loop=loop)
    loop.call_soon_threadsafe(go_on.wait, 30)
    with pytest.raises(TimeoutError, match=r"did not answer within 0\.05 s: something blocks it"):
        bridge.stop()
    go_on.set()
    bridge.close()
