"""A hook takes a client or a phone, and says so to who gives it something else."""

from types import SimpleNamespace

import pytest

from realtime.connection.app_state import AppState
from realtime.connection.socket_manager import SocketManager
from realtime.hooks.parts import part_of

SOCKET = SocketManager("http://127.0.0.1:1")


def test_a_client_is_itself_and_a_phones_is_found():
    client = AppState()
    assert part_of(client, AppState, "chat.client") is client
    phone = SimpleNamespace(socket=SOCKET, chat=SimpleNamespace(client=client))
    assert part_of(phone, AppState, "chat.client", "chat") is client
    assert part_of(SimpleNamespace(socket=SOCKET, chat=client), AppState, "chat.client", "chat") is client


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "ana",
        SimpleNamespace(socket=SOCKET, chat=SimpleNamespace(client=1)),
        SimpleNamespace(chat=SimpleNamespace(client=AppState())),  # a part of a phone that has such a part
    ],
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(TypeError, match=r"this hook takes a phone, or its client \(AppState\), not"):
        part_of(wrong, AppState, "chat.client")
