from realtime.protocol.errors import RealtimeError
from realtime.server.errors import ServerStartError


def test_a_failed_start_is_one_of_our_errors():
    assert issubclass(ServerStartError, RealtimeError)
