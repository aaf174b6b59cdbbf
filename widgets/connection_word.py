"""How a phone's connection stands, in the word that the pages show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from realtime.connection.app_state import AppStateValue
from realtime.connection.connection_state import ConnectionState

if TYPE_CHECKING:
    from realtime.lab.live import Phone


def connection_word(phone: Phone) -> str:
    """The state of the connection; where it is suspended, why: ``"background"`` or ``"offline"``."""
    state = phone.socket.connection_state.snapshot.state
    if state is not ConnectionState.SUSPENDED:
        return state.value
    return "background" if phone.app_state.snapshot is AppStateValue.BACKGROUND else "offline"
