"""The system's tray on a page: shown where the page may notify, opened by a click."""

from realtime.connection.app_state import AppState
from realtime.notifications.permission import Granted, PermissionStatus
from realtime.notifications.push_notification_handler import PushNotificationHandler
from tests.fake_socket import FakeSocket
from widgets.device_permission import DevicePermission
from widgets.device_report import Sense
from widgets.device_tray import DeviceTray

NOTE = {"id": "n1", "title": "ben", "body": "hi"}


def handler(**options):
    app = AppState()
    app.background()
    return PushNotificationHandler(FakeSocket(), user_id="ana", app_state=app, **options)


async def test_it_shows_what_the_system_shows_while_the_page_may_notify():
    touched = []
    permission = DevicePermission(lambda: None)
    tray, push = DeviceTray(permission, lambda: touched.append(1)), handler()
    tray.attach(push)
    push.received(NOTE)
    assert tray.shown == []
    permission.told(Sense.ON)
    tray.begin()
    assert tray.shown == [{"id": "n1", "title": "ben", "body": "hi", "tag": "n1"}]
    assert touched
    tray.open("n1")
    assert tray.shown == []
    tray.open("n1")


async def test_the_pages_permission_is_the_handlers_while_it_is_the_phone():
    own = Granted()
    permission = DevicePermission(lambda: None)
    tray, push = DeviceTray(permission, lambda: None), handler(permission=own)
    tray.attach(push)
    assert push.permission is own
    permission.told(Sense.OFF)
    tray.begin()
    assert push.state.snapshot.permission is PermissionStatus.UNDETERMINED
    permission.told(Sense.DENIED)
    tray.begin()
    assert push.state.snapshot.permission is PermissionStatus.DENIED
    tray.end()
    tray.end()
    assert push.permission is own
    assert push.state.snapshot.permission is PermissionStatus.GRANTED


async def test_a_handler_that_asks_the_page_anyway_keeps_it():
    permission = DevicePermission(lambda: None)
    tray, push = DeviceTray(permission, lambda: None), handler(permission=permission)
    tray.attach(push)
    permission.told(Sense.ON)
    tray.begin()
    assert push.state.snapshot.permission is PermissionStatus.GRANTED
    permission.gone()
    tray.end()
    assert push.permission is permission
    assert push.state.snapshot.permission is PermissionStatus.UNDETERMINED


async def test_one_handler_at_a_time():
    permission = DevicePermission(lambda: None)
    tray, first, second = DeviceTray(permission, lambda: None), handler(), handler()
    permission.told(Sense.ON)
    tray.attach(first)
    tray.begin()
    tray.attach(second)
    assert first.permission is not permission
    assert second.permission is permission
    tray.detach()
    assert second.permission is not permission
    assert first.state._observers == second.state._observers == {}
    tray.open("n1")
    assert tray.shown == []
