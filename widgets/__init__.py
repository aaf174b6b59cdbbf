"""Jupyter widgets over the observable state of a lab: each shows what one phone knows."""

try:
    from widgets.chat_room import ChatRoom
    from widgets.device_bridge import DeviceBridge
    from widgets.location_map import LocationMap
    from widgets.network_panel import NetworkPanel
    from widgets.notification_center import NotificationCenter
    from widgets.presence_list import PresenceList
except ModuleNotFoundError as error:
    if error.name in {"anywidget", "ipyleaflet", "ipywidgets", "traitlets"}:
        raise ImportError(
            f"the widgets need {error.name}, which is not installed: pip install 'realtime-lab[lab]'"
        ) from error
    raise

__all__ = ["ChatRoom", "DeviceBridge", "LocationMap", "NetworkPanel", "NotificationCenter", "PresenceList"]
