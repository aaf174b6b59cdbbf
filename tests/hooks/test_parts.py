"""A hook takes a client or a phone, and says so to who gives it something else."""

from types import SimpleNamespace

import pytest

from realtime.connection.app_state import AppState
from realtime.hooks.parts import part_of


def test_a_client_is_itself_and_a_phones_is_found():
    client = AppState()
    assert part_of(client, AppState, "chat.client") is client
    phone = SimpleNamespace(chat=SimpleNamespace(client=client))
    assert part_of(phone, AppState, "chat.client", "chat") is client
    assert part_of(SimpleNamespace(chat=client), AppState, "chat.client", "chat") is client


@pytest.mark.parametrize("wrong", [None, "ana", SimpleNamespace(chat=SimpleNamespace(client=1))])
def test_anything_else_is_refused(wrong):
    with pytest.raises(TypeError, match="this hook takes a AppState, or a phone that has one, not"):
        part_of(wrong, AppState, "chat.client")
