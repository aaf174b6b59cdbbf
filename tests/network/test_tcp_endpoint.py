"""One end of a connection, alone."""

import pytest

from realtime.network.path import Path
from realtime.network.tcp import TcpConnection


def test_a_listener_answers_only_what_was_asked():
    server = TcpConnection(Path([]), Path([])).server
    with pytest.raises(RuntimeError, match="no request"):
        server.accept(0)
    with pytest.raises(RuntimeError, match="no request"):
        server.refuse(0)
