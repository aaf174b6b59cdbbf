"""Hooks for reacton: components that show the same observable state as the widgets, and act on it."""

try:
    import reacton as _reacton  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "realtime.hooks needs reacton, which is not installed: pip install 'realtime-lab[hooks]'", name=error.name
    ) from error

from realtime.hooks.use_chat_messages import ChatMessages, use_chat_messages
from realtime.hooks.use_location import Location, use_location
from realtime.hooks.use_network import Network, use_network
from realtime.hooks.use_notifications import Notifications, use_notifications
from realtime.hooks.use_observable import use_observable
from realtime.hooks.use_presence import Presence, use_presence
from realtime.hooks.use_socket import Socket, use_socket
from realtime.hooks.use_typing import Typing, use_typing

__all__ = [
    "ChatMessages",
    "Location",
    "Network",
    "Notifications",
    "Presence",
    "Socket",
    "Typing",
    "use_chat_messages",
    "use_location",
    "use_network",
    "use_notifications",
    "use_observable",
    "use_presence",
    "use_socket",
    "use_typing",
]
