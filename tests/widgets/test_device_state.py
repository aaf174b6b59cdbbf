"""What Python knows of the device, in a form that a notebook can print."""

from tests.widgets.device_page import report
from tests.widgets.fakes import fix
from widgets.device_link import PageState
from widgets.device_report import Sense, read_report
from widgets.device_state import DeviceState


def test_it_says_why_there_is_no_page():
    state = DeviceState(reason="stopped on the page")
    assert repr(state) == "<DeviceState no page: stopped on the page>"
    assert (state.is_visible, state.is_online, state.fix, state.position.sense) == (None, None, None, Sense.OFF)


def test_it_is_what_the_page_told():
    told = read_report(report(carrier="wifi", speed="4g", battery={"level": 0.5, "charging": True}, visible=False))
    state = DeviceState.told(told, page=PageState.HERE, fix=fix(1), fixes=1)
    assert repr(state) == "<DeviceState here, out of sight, online, position off, notifications off>"
    assert (state.carrier, state.speed, state.fix, state.fixes) == ("wifi", "4g", fix(1), 1)
    assert state.battery is not None
    assert (state.battery.level, state.battery.is_charging) == (0.5, True)


def test_a_network_that_is_none_is_offline():
    told = read_report(report(carrier="none"))
    assert DeviceState.told(told, page=PageState.HERE, fix=None, fixes=0).is_online is False
