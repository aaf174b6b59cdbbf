"""One word for how a phone's connection stands, that tells why there is none on purpose."""

import pytest

from realtime.connection.connection_state import ConnectionState
from tests.widgets.fakes import FakePhone, connection
from widgets.connection_word import connection_word


@pytest.mark.parametrize("state", [state for state in ConnectionState if state is not ConnectionState.SUSPENDED])
def test_most_states_are_their_own_word(state):
    phone = FakePhone()
    phone.socket.connection_state.set(connection(state))
    assert connection_word(phone) == state.value


def test_a_suspended_connection_is_offline_or_in_the_background():
    phone = FakePhone()
    phone.socket.connection_state.set(connection(ConnectionState.SUSPENDED))
    assert connection_word(phone) == "offline"
    phone.background()
    assert connection_word(phone) == "background"
