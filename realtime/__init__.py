"""Realtime features for phones that lose nothing on bad networks, and the laboratory that proves it."""

from realtime.chat.chat_client import ChatClient
from realtime.connection.app_state import AppState, BackgroundPolicy
from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.errors import (
    AckTimeout,
    ConnectionLost,
    ConnectRefused,
    ConnectTimeout,
    OutboxError,
    SendRefused,
)
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.connection.message_queue import MessageQueue
from realtime.connection.net_info import NetInfo
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.socket_manager import ConnectionState, SocketManager
from realtime.location.geofence import Circle, Polygon
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.network.proxy import ChaosProxy
from realtime.notifications.deep_links import DeepLinks
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.notification import Notification, Priority
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.notifications.quiet_hours import QuietHours
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.protocol.errors import LocalProtocolError, RealtimeError, RemoteProtocolError
from realtime.server.push.expo_gateway import ExpoGateway
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_service import PushService
from realtime.server.push.web_push_gateway import WebPushGateway
from realtime.server.realtime_server import RealtimeServer

__version__ = "0.1.0"

__all__ = [
    "AckTimeout",
    "AppState",
    "BackgroundPolicy",
    "ChaosProxy",
    "ChatClient",
    "Circle",
    "ConnectRefused",
    "ConnectTimeout",
    "ConnectionLost",
    "ConnectionState",
    "DeepLinks",
    "DiskOutbox",
    "ExpoGateway",
    "GeofenceAlerts",
    "GeofenceMonitor",
    "HeartbeatMonitor",
    "InAppNotifications",
    "LiveLocationTracker",
    "LocalGateway",
    "LocalProtocolError",
    "MessageQueue",
    "NetInfo",
    "Notification",
    "OnlineStatusSync",
    "OutboxError",
    "Polygon",
    "PresenceTracker",
    "Priority",
    "PushNotificationHandler",
    "PushService",
    "QuietHours",
    "RealtimeError",
    "RealtimeServer",
    "ReconnectionStrategy",
    "RemoteProtocolError",
    "SendRefused",
    "SocketManager",
    "WebPushGateway",
]
