"""use_network: what the device reports of its network, and of the app, in a component."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.connection.app_state import AppStateValue
from realtime.connection.net_info import NetType
from realtime.connection.socket_manager import SocketManager
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable


@dataclass(frozen=True, slots=True)
class Network:
    """What the device believes: a hint, never a proof. Whether there is a connection, ``use_socket`` knows.

    Args:
        is_connected: whether there is a network.
        type: what carries the traffic.
        app: whether the app is looked at.
    """

    is_connected: bool
    type: NetType
    app: AppStateValue


def use_network(source: SocketManager | PhoneLike) -> Network:
    """The network of a device.

    Args:
        source: a phone, or a connection.
    """
    socket = part_of(source, SocketManager, "socket")
    status = use_observable(socket.net_info)
    return Network(status.is_connected, status.type, use_observable(socket.app_state))
