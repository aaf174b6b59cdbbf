"""Notifications that went by socket, until it is known that somebody looked."""

import pytest

from realtime.server.notices import Notices
from realtime.server.push.gateway import Push
from tests.server.fakes import fake_session


@pytest.fixture
def pushed():
    return []


@pytest.fixture
def notices(pushed):
    return Notices(lambda user_id, push: pushed.append((user_id, push.id)))


def taxi(push_id="taxi"):
    return Push(id=push_id, title="Your taxi is here")


def test_what_was_got_by_a_device_that_is_looked_at_is_over(notices, pushed):
    phone = fake_session()
    notices.told("ana", taxi(), [phone])
    phone.link.pass_fences()
    notices.gone(phone)
    assert (pushed, len(notices)) == ([], 0)


@pytest.mark.clause("RT-PUSH-9")
def test_what_went_into_a_dead_connection_is_pushed_when_it_is_found_dead(notices, pushed):
    phone = fake_session()
    notices.told("ana", taxi(), [phone])
    notices.told("ana", taxi("second"), [phone])
    assert pushed == []
    notices.gone(phone)
    assert pushed == [("ana", "taxi"), ("ana", "second")]
    notices.gone(phone)
    assert (len(pushed), len(notices)) == (2, 0)


def test_what_was_got_in_the_background_is_pushed(notices, pushed):
    """It went there while the server did not know yet that nobody looks any more."""
    phone = fake_session()
    notices.told("ana", taxi(), [phone])
    phone.app_state = "background"
    phone.link.pass_fences()
    assert (pushed, len(notices)) == ([("ana", "taxi")], 0)


@pytest.mark.parametrize("first", ["dead", "got"])
def test_one_device_on_which_it_was_seen_is_enough(notices, pushed, first):
    phone, tablet = fake_session(), fake_session(device_id="tablet")
    notices.told("ana", taxi(), [phone, tablet])
    for act in (notices.gone, lambda each: tablet.link.pass_fences())[:: 1 if first == "dead" else -1]:
        act(phone)
    assert (pushed, len(notices)) == ([], 0)


def test_of_two_devices_the_last_that_fails_pushes_it_once(notices, pushed):
    phone, tablet = fake_session(), fake_session(device_id="tablet")
    notices.told("ana", taxi(), [phone, tablet])
    notices.gone(tablet)
    assert pushed == []
    notices.gone(phone)
    assert (pushed, len(notices)) == ([("ana", "taxi")], 0)


def test_what_the_user_has_seen_to_is_not_pushed(notices, pushed):
    phone, tablet = fake_session(), fake_session(device_id="tablet")
    notices.told("ana", taxi(), [phone, tablet])
    notices.told("ana", taxi("second"), [phone])
    notices.seen_to("ben", "taxi")
    notices.seen_to("ana", "taxi")
    notices.gone(phone)
    notices.gone(tablet)
    assert pushed == [("ana", "second")]


def test_a_session_that_is_taken_over_by_its_client_is_asked_again(notices, pushed):
    """Its old connection never answers, and the new one brings what was missed."""
    phone = fake_session()
    notices.told("ana", taxi(), [phone])
    phone.link = type(phone.link)()
    notices.here(phone)
    phone.link.pass_fences()
    notices.gone(phone)
    assert (pushed, len(notices)) == ([], 0)
