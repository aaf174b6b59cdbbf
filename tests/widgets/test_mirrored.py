"""A state that a page moves, and that is put back afterwards."""

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.net_info import NetInfo, NetStatus, NetType
from realtime.location.battery import Battery, BatteryStatus
from widgets.mirrored import mirrored_app, mirrored_battery, mirrored_net

OFFLINE, CELLULAR = NetStatus(False, NetType.NONE), NetStatus(True, NetType.CELLULAR)


def test_what_the_page_shows_is_what_the_app_sees():
    app, net, battery = AppState(), NetInfo(NetType.WIFI), Battery()
    mirrored_app(app).show(AppStateValue.BACKGROUND)
    mirrored_net(net).show(CELLULAR)
    mirrored_battery(battery).show(BatteryStatus(0.3, True))
    assert (app.value, net.snapshot, battery.snapshot) == (
        AppStateValue.BACKGROUND,
        CELLULAR,
        BatteryStatus(0.3, True),
    )


def test_afterwards_it_is_as_before():
    net = NetInfo(NetType.WIFI)
    mirror = mirrored_net(net)
    mirror.show(CELLULAR)
    mirror.show(OFFLINE)
    mirror.restore()
    assert net.type is NetType.WIFI
    mirror.restore()
    net.update(type=NetType.CELLULAR)
    mirror.restore()
    assert net.type is NetType.CELLULAR


def test_what_others_changed_is_theirs():
    """A page that says the same again does not undo what was done by hand meanwhile."""
    app = AppState()
    mirror = mirrored_app(app)
    mirror.show(AppStateValue.ACTIVE)
    app.background()
    mirror.show(AppStateValue.ACTIVE)
    assert app.value is AppStateValue.BACKGROUND
    mirror.restore()
    assert app.value is AppStateValue.BACKGROUND
