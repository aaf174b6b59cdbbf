"""A handler, with the test as its server, its device and its chat."""

from realtime.chat.message import Marker, Message, MessageStatus, RoomState
from realtime.notifications.deep_links import DeepLinks
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.permission import PermissionStatus
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.utils.event_emitter import EventEmitter
from realtime.utils.observable import Observable
from tests.fake_socket import FakeSocket


class Asked:
    """A permission whose question is answered with yes."""

    status = PermissionStatus.UNDETERMINED
    questions = 0

    async def request(self):
        self.questions += 1
        self.status = PermissionStatus.GRANTED
        return self.status


class Chat(EventEmitter):
    """Says what the test says; this user has read up to ``read``."""

    read = 0

    def room(self, room_id):
        return Observable(RoomState(room_id=room_id, markers={"ana": Marker("ana", self.read, self.read)}))


class App:
    """An app with a fake connection and chat events; ``heard`` are the handler's events."""

    def __init__(self, *, connected=True, **options):
        self.socket = FakeSocket(connected=connected)
        self.chat = Chat()
        self.in_app = InAppNotifications(per_window=100, app_state=self.socket.app_state)
        self.went = []
        links = DeepLinks(fallback=lambda url: self.went.append(("fallback", url)))
        links.add("room/:roomId", lambda **found: self.went.append(found["roomId"]))
        self.handler = PushNotificationHandler(
            self.socket, user_id="ana", in_app=self.in_app, links=links, chat=self.chat, **options
        )
        self.heard = []
        for event in ("received", "opened"):
            self.handler.on(event, lambda note, event=event: self.heard.append((event, note.id)))

    def shown(self):
        return [entry.notification.id for entry in self.in_app.state.snapshot.shown]

    def say(self, message_id, user_id="ben", text="hi", offset=1, room_id="lobby", timestamp_ms=0):
        """The chat has a message."""
        message = Message(
            room_id=room_id,
            message_id=message_id,
            user_id=user_id,
            text=text,
            timestamp_ms=timestamp_ms,
            offset=offset,
            status=MessageStatus.RECEIVED,
            mine=user_id == "ana",
        )
        self.chat.dispatch("message", message)


def push(id, *ids, **fields):
    data = {"url": "room/lobby", "messageIds": [*ids, id]}
    return {
        "id": id,
        "title": "ben",
        "body": "hi",
        "roomId": "lobby",
        "collapseKey": "room:lobby",
        "data": data,
    } | fields
