"""Push notifications on the device: its token, what comes, what is tapped, and each thing shown once."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import msgspec

from realtime.chat.message import Message
from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.errors import SendRefused
from realtime.connection.holdback import TEMPORARY
from realtime.connection.listeners import Listeners
from realtime.connection.receipt import Receipt
from realtime.notifications.deep_links import DeepLinks
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.notification import Notification, Priority
from realtime.notifications.permission import Granted, NotificationPermission, PermissionStatus, ask
from realtime.notifications.push_registration import PushRegistration, Register, ToTell
from realtime.notifications.remembered_ids import RememberedIds
from realtime.protocol.errors import LocalProtocolError, RealtimeError
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventSource
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.chat.chat_client import ChatClient
    from realtime.connection.socket_manager import SocketManager

MAX_HELD = 100  # heard in the background; older ones are in their rooms, unread

_log = logging.getLogger("realtime.notifications")


class PushState(msgspec.Struct, frozen=True, kw_only=True):
    """What people see of pushes.

    Args:
        permission: what the user has said.
        is_registered: the server has this device's newest token.
        badge: what is open: shown by the system or inside the app, and not seen to.
        tray: what the system shows of it, oldest first.
    """

    permission: PermissionStatus = PermissionStatus.UNDETERMINED
    is_registered: bool = False
    badge: int = 0
    tray: tuple[Notification, ...] = ()


class PushNotificationHandler(EventSource):
    """Registers the device's token, and shows what comes by push, by socket or by both, once. Call it on its loop.

    The device's own code calls :meth:`set_token` with each token that the system gives it, :meth:`received` with each
    push (the system shows it only if that returns True), :meth:`opened` with each that was tapped, and at the start of
    the app :meth:`delivered` with those that the system shows.

    Events, for :meth:`on`: ``received(notification)``, the first time that something comes, ``opened(notification)``,
    and ``withdrawn(notification)``: let the system show it no more, for it was seen to, or a newer one took its place.

    Args:
        socket: the connection.
        user_id: the user as whom the connection is authenticated.
        platform: of the tokens.
        permission: the device's; by default one that asks nobody.
        in_app: shows what comes while the app is looked at; None: nothing does.
        links: leads to the place that a notification is about, by its ``data.url``.
        chat: its messages are notifications too, unless :attr:`looking_at` their room.
        seen_path: a file that remembers across restarts what was shown.
        app_state: the app's state, if it is not the connection's.

    """

    def __init__(
        self,
        socket: SocketManager,
        *,
        user_id: str,
        platform: Literal["local", "web", "expo"] = "local",
        permission: NotificationPermission | None = None,
        in_app: InAppNotifications | None = None,
        links: DeepLinks | None = None,
        chat: ChatClient | None = None,
        seen_path: str | os.PathLike[str] | None = None,
        app_state: AppState | None = None,
    ) -> None:
        super().__init__()
        self.user_id = user_id
        self.links = DeepLinks() if links is None else links
        self._looking_at: str | None = None
        self._socket = socket
        self._platform = platform
        self._permission: NotificationPermission = Granted() if permission is None else permission
        self._in_app = in_app
        self._chat = chat
        self._app_state = socket.app_state if app_state is None else app_state
        self._seen = RememberedIds(path=seen_path)
        self._tray: dict[str, Notification] = {}  # what the system shows, by collapse key
        self._held: dict[str, tuple[Notification, float]] = {}  # came by socket in the background, and when
        self._told_up_to: dict[str, tuple[int, int]] = {}  # by room, the newest push's offset and time
        self._token: str | None = None
        self._is_closed = False
        self._registration = PushRegistration()
        self._alarm = Alarm(self._ring)
        self.state = Observable(PushState(permission=self._permission.status))
        listeners = Listeners(socket)
        listeners.on("connect", self._connected)
        listeners.on("disconnect", self._disconnected)
        listeners.on("notification", self._heard)
        listeners.on("notification:withdrawn", self._heard_withdrawn)
        self._unwatch = [self._app_state.observe(self._app_changed), listeners.remove]
        if chat is not None:
            listeners = Listeners(chat)
            listeners.on("message", self._said)
            listeners.on("read", self._read)
            self._unwatch.append(listeners.remove)
        if in_app is not None:
            self._unwatch.append(in_app.state.observe(lambda state: self._publish()))
        if socket.connected:
            self._registration.connected(recovered=False, now=0.0)

    def __repr__(self) -> str:
        state = self.state.snapshot
        word = "registered" if state.is_registered else "not registered"
        return f"<PushNotificationHandler {self.user_id!r} {state.permission.value} {word} badge={state.badge}>"

    @property
    def socket(self) -> SocketManager:
        """The connection."""
        return self._socket

    @property
    def badge(self) -> int:
        """How many notifications are open."""
        return self.state.snapshot.badge

    @property
    def looking_at(self) -> str | None:
        """The room that is on the screen, whose messages are not told of; those that were are seen."""
        return self._looking_at

    @looking_at.setter
    def looking_at(self, room_id: str | None) -> None:
        self._looking_at = room_id
        self._see()

    # --- permission and token

    @property
    def permission(self) -> NotificationPermission:
        """The device's permission; assign another one, or the same when it has changed by itself."""
        return self._permission

    @permission.setter
    def permission(self, permission: NotificationPermission) -> None:
        self._permission = permission
        self._register()

    async def request_permission(self) -> PermissionStatus:
        """Ask the user, unless they have answered already; with a yes, the token is registered."""
        status = await ask(self._permission)
        self._register()
        return status

    def set_token(self, token: str) -> None:
        """The device has a token, the first one or another: it is registered if the user allows it."""
        self._token = token
        self._register()

    def log_out(self) -> None:
        """The user logs out: no more pushes on this device. Call it while connected, and disconnect a little later."""
        self._registration.log_out(asyncio.get_running_loop().time())
        self._token = None
        self._tell()

    # --- what the device tells

    def received(self, payload: object) -> bool:
        """A push has come.

        Returns:
            Whether the system shall show it: not if it was shown before, or shows inside the app instead.
        """
        if isinstance(payload, dict) and isinstance(withdrawn := payload.get("withdraw"), str):
            self._withdraw(withdrawn)
            self._withdraw_up_to(payload)
            return False
        notification = _read_payload(payload)
        if notification is None or notification.id in self._seen:
            return False
        is_shown_here = self._is_looked_at
        if is_shown_here:
            self._socket.probe()  # the server takes the connection for dead, and there is a network
        self._news(notification)
        if not is_shown_here:
            if self._in_app is not None:
                self._in_app.shown_elsewhere(notification)
            self._put_into_tray(notification)
        return not is_shown_here

    def opened(self, payload: object) -> None:
        """The user tapped a notification, perhaps one that started the app."""
        notification = _read_payload(payload)
        if notification is not None:
            self._opened(notification)

    def delivered(self, payloads: Iterable[object]) -> None:
        """The app starts, and the system shows these."""
        for payload in payloads:
            if (notification := _read_payload(payload)) is not None:
                self._remember(notification)
                self._put_into_tray(notification)

    # --- what the user does inside the app

    def open(self, notification_id: str) -> bool:
        """The user taps one that is open here; returns whether it was."""
        notification = self._find(notification_id)
        if notification is not None:
            self._opened(notification)
        return notification is not None

    def read(self, notification_id: str) -> bool:
        """The user has seen to it, and it is taken off their other devices; returns whether it was open here."""
        notification = self._find(notification_id)
        if notification is not None:
            self._take_away(notification_id)
            self._tell_the_others("push:read", notification_id)
        return notification is not None

    def dismiss(self, notification_id: str) -> bool:
        """The user does not want to see it on this device; returns whether it was open here."""
        notification = self._find(notification_id)
        if notification is not None:
            if self._in_app is not None:
                self._in_app.dismiss(notification_id)
            self._take_away(notification_id)
        return notification is not None

    def clear(self) -> None:
        """The user has seen it all: nothing is open any more on this device."""
        self._take_from_tray(lambda each: True)
        if self._in_app is not None:
            self._in_app.dismiss_all()
        self._publish()

    def close(self) -> None:
        """Stop listening; the token stays registered. Calling it twice is harmless."""
        for unwatch in self._unwatch:
            unwatch()
        self._is_closed = True
        if self._alarm.due is not None:
            self._alarm.set(None)

    # --- what comes by socket

    def _heard(self, payload: object = None, *_: Any) -> None:
        notification = _read_payload(payload)
        if notification is not None and notification.id not in self._seen:
            self._news_by_socket(notification)

    def _heard_withdrawn(self, payload: object = None, *_: Any) -> None:
        if isinstance(payload, dict) and isinstance(withdrawn := payload.get("id"), str):
            self._withdraw(withdrawn)

    def _said(self, message: Message) -> None:
        if message.mine or message.message_id in self._seen or not self._is_news(message):
            return
        if self._is_read(message):
            self._seen.add(message.message_id)  # a push may come yet
            return
        notification = Notification(
            id=message.message_id,
            title=message.user_id,
            body=message.text,
            data={"url": f"room/{quote(message.room_id, safe='')}", "offset": message.offset},
            room_id=message.room_id,
            collapse_key=f"room:{message.room_id}",
            priority=Priority.URGENT if self.user_id in message.mentions else Priority.NORMAL,
        )
        self._news_by_socket(notification)

    def _read(self, room_id: str, user_id: str, up_to: int) -> None:
        """This user has read a room, on whichever device."""
        if user_id == self.user_id:
            self._see_to(room_id, up_to)

    def _is_read(self, message: Message) -> bool:
        """Whether this user has read it, on another device: of that the room learns before it gets the message."""
        marker = None if self._chat is None else self._chat.room(message.room_id).snapshot.markers.get(self.user_id)
        return marker is not None and message.offset is not None and message.offset <= marker.read

    def _withdraw_up_to(self, payload: dict[str, Any]) -> None:
        """A room was read so far, and what tells of its older messages may be here still."""
        room_id, data = payload.get("roomId"), payload.get("data")
        up_to = data.get("offset") if isinstance(data, dict) else None
        if isinstance(room_id, str) and isinstance(up_to, int):
            self._see_to(room_id, up_to)

    def _see_to(self, room_id: str, up_to: float) -> None:
        for each in (*self._open(), *(each for each, _ in self._held.values())):
            offset = each.data.get("offset")
            if each.room_id == room_id and isinstance(offset, int) and offset <= up_to:
                self._take_away(each.id)

    def _see(self) -> None:
        """The user sees the room that is on the screen, if they look at it."""
        if self._looking_at is not None and self._is_looked_at:
            self._see_to(self._looking_at, math.inf)

    # --- each once

    @property
    def _is_looked_at(self) -> bool:
        return self._app_state.value is not AppStateValue.BACKGROUND

    def _is_in_sight(self, notification: Notification) -> bool:
        """Whether it is a message of the room that is on the screen."""
        return (
            notification.room_id is not None
            and notification.room_id == self._looking_at
            and "offset" in notification.data
        )

    def _news_by_socket(self, notification: Notification) -> None:
        """In the background it is left to the push, which the server sends as well, unless the user is back first."""
        if self._is_looked_at:
            self._news(notification)
        else:
            self._held[notification.id] = notification, asyncio.get_running_loop().time()
            if len(self._held) > MAX_HELD:
                del self._held[next(iter(self._held))]

    def _app_changed(self, value: AppStateValue) -> None:
        if value is not AppStateValue.BACKGROUND:
            held, self._held = self._held, {}
            now = asyncio.get_running_loop().time()
            for notification, since in held.values():
                is_needed = notification.ttl_s is None or now < since + notification.ttl_s
                if is_needed and notification.id not in self._seen:
                    self._news(notification)
            self._see()

    def _is_news(self, message: Message) -> bool:
        """Whether no push of its room was about a newer one: it stands for more than it names.

        A log that begins anew has small offsets, but no old times.
        """
        offset, timestamp_ms = self._told_up_to.get(message.room_id, (0, 0))
        return message.offset is None or message.offset > offset or message.timestamp_ms > timestamp_ms

    def _news(self, notification: Notification) -> None:
        self._remember(notification)
        if self._is_looked_at and self._is_in_sight(notification):
            return
        if self._in_app is not None and self._is_looked_at:
            self._take_from_tray(lambda each: each.collapse_key == notification.collapse_key is not None)
            self._in_app.show(notification)
        self._events.dispatch("received", notification)

    def _remember(self, notification: Notification) -> None:
        for each in notification.message_ids:
            self._seen.add(each)
        offset, timestamp_ms = notification.data.get("offset"), notification.data.get("timestamp")
        if notification.room_id is not None and isinstance(offset, int) and isinstance(timestamp_ms, int):
            self._told_up_to[notification.room_id] = offset, timestamp_ms

    def _put_into_tray(self, notification: Notification) -> None:
        kind = notification.collapse_key or notification.id
        self._tray.pop(kind, None)
        self._tray[kind] = notification
        self._publish()

    def _withdraw(self, notification_id: str) -> None:
        self._seen.add(notification_id)
        self._take_away(notification_id)

    def _opened(self, notification: Notification) -> None:
        self._remember(notification)
        self._take_away(notification.id)
        self._tell_the_others("push:opened", notification.id)
        self._events.dispatch("opened", notification)
        if isinstance(url := notification.data.get("url"), str):
            self.links.open(url)

    def _tell_the_others(self, event: str, notification_id: str) -> None:
        try:
            self._socket.emit(event, {"id": notification_id}, ack=True)
        except SendRefused:
            _log.warning("the other devices may show %r on: the outbox is full", notification_id)

    def _find(self, notification_id: str) -> Notification | None:
        return next((each for each in self._open() if each.id == notification_id), None)

    def _take_away(self, notification_id: str) -> None:
        self._held.pop(notification_id, None)
        self._take_from_tray(lambda each: each.id == notification_id)
        if self._in_app is not None:
            self._in_app.read(notification_id)
        self._publish()

    def _take_from_tray(self, is_over: Callable[[Notification], bool]) -> None:
        over = [kind for kind, each in self._tray.items() if is_over(each)]
        for notification in [self._tray.pop(kind) for kind in over]:
            self._events.dispatch("withdrawn", notification)

    def _open(self) -> list[Notification]:
        shown = () if self._in_app is None else self._in_app.state.snapshot.entries
        return [*self._tray.values(), *(entry.notification for entry in shown if entry.is_open)]

    def _publish(self) -> None:
        state = PushState(
            permission=self._permission.status,
            is_registered=self._registration.is_registered,
            badge=len(self._open()),
            tray=tuple(self._tray.values()),
        )
        if state != self.state.snapshot:
            self.state.set(state)

    # --- registering

    def _register(self) -> None:
        if self._token is not None and self._permission.status is PermissionStatus.GRANTED:
            self._registration.token(self._token, asyncio.get_running_loop().time())
        self._tell()

    def _connected(self) -> None:
        now = asyncio.get_running_loop().time()
        self._registration.connected(recovered=self._socket.recovered, now=now)
        self._ring(now)

    def _disconnected(self, reason: str) -> None:
        self._registration.disconnected()
        self._alarm.set(None)
        self._publish()

    def _tell(self) -> None:
        self._ring(asyncio.get_running_loop().time())

    def _ring(self, now: float) -> None:
        for told in self._registration.handle_timer(now):
            if isinstance(told, Register):
                event, payload = "push:register", {"platform": self._platform, "token": told.token}
            else:
                event, payload = "push:unregister", {"token": told.token}
            receipt = self._socket.emit(event, payload, ack=True, volatile=True)
            receipt.add_done_callback(lambda receipt, told=told: self._told(told, receipt))  # type: ignore[misc]
        self._alarm.set(self._registration.next_timer())
        self._publish()

    def _told(self, told: ToTell, receipt: Receipt) -> None:
        now = asyncio.get_running_loop().time()
        try:
            reply = receipt.result()
        except RealtimeError:
            self._registration.failed(told, now)
        else:
            if isinstance(reply, dict) and reply.get("ok") is True:
                self._registration.done(told, now)
            elif _reason(reply) in TEMPORARY:
                self._registration.failed(told, now)
            else:
                _log.warning("the server does not take this device's push token: %s", _reason(reply))
                self._registration.refused(told)
        if self._socket.connected and not self._is_closed:
            self._alarm.set(self._registration.next_timer())
        self._publish()


def _read_payload(payload: object) -> Notification | None:
    try:
        return Notification.from_wire(payload)
    except (msgspec.ValidationError, LocalProtocolError) as error:
        _log.warning("ignored a notification that was not understood: %s", error)
        return None


def _reason(reply: object) -> str:
    error = reply.get("error") if isinstance(reply, dict) else None
    return str(error.get("code")) if isinstance(error, dict) else "it did not say why"
