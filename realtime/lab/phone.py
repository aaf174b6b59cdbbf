"""A phone of the lab: an app with chat, presence, location and notifications, behind a network of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from typing import Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message
from realtime.connection.app_state import AppState
from realtime.connection.connection_state import ConnectionState
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.socket_manager import SocketManager
from realtime.lab.background import BackgroundLoop
from realtime.lab.network_control import NetworkControl
from realtime.lab.phone_chat import PhoneChat
from realtime.lab.phone_location import PhoneLocation
from realtime.lab.phone_notifications import PhoneNotifications
from realtime.lab.phone_presence import PhonePresence
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.network.profiles import Profile
from realtime.network.proxy import ChaosProxy
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.server.push.local_gateway import LocalGateway


class Phone:
    """A client of the lab's server, to call from any thread. :meth:`Lab.phone` makes it.

    The parts are for plain calls: :attr:`chat`, :attr:`presence`, :attr:`location`, :attr:`notifications` and
    :attr:`network`. :attr:`socket`, :attr:`app_state` and :attr:`net_info` are the real objects: read and observe them
    anywhere, call them on the lab's loop.

    Args:
        name: the phone's, and its device id.
        user_id: whose it is.
        proxy: its access link, started.
        profile: the network it begins with.
        rooms: which it joins.
        background: the loop.
        gateway: brings it pushes; None: nothing does.
        rng: source of its ids, jitter and walks.
        clock: seconds since the lab began.
        on_act: told of each change of its network, and of each fence that it crosses.
        on_send: told of each message it sends.
        options: of :class:`~realtime.connection.socket_manager.SocketManager`.
    """

    def __init__(
        self,
        name: str,
        *,
        user_id: str,
        proxy: ChaosProxy,
        rooms: Iterable[str],
        background: BackgroundLoop,
        gateway: LocalGateway | None,
        rng: random.Random,
        clock: Callable[[], float],
        on_act: Callable[[str, str], object],
        on_send: Callable[[Message], object],
        options: dict[str, Any],
    ) -> None:
        self.name = name
        self.user_id = user_id
        self.proxy = proxy
        self.app_state = AppState()
        self.net_info = NetInfo(_carrier(proxy.profile))
        self._background = background
        self._rooms = tuple(rooms)
        settings: dict[str, Any] = {"auth": {"userId": user_id, "deviceId": name}, "name": name, "rng": _branch(rng)}
        self.socket = SocketManager(proxy.url, app_state=self.app_state, net_info=self.net_info, **settings | options)
        sync = OnlineStatusSync(
            self.socket
        )  # first: the status precedes the joins, and these the question who is there
        chat = ChatClient(self.socket, user_id=user_id, rng=_branch(rng))
        self.presence = PhonePresence(PresenceTracker(self.socket), sync, background)
        self.chat = PhoneChat(chat, background, on_send, on_move=self.presence.moved)
        self.location = PhoneLocation(
            LiveLocationTracker(self.socket, user_id=user_id), self.socket, background, _branch(rng), on_act
        )
        self.notifications = self._notifications(chat, gateway)
        self.network = NetworkControl(
            proxy, self.net_info, self.socket.connection_state, background, clock=clock, on_act=self._acted
        )
        self._on_act = on_act
        self.on_close: Callable[[], object] = lambda: None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Phone {self.name!r} {self.network.label} {self.network.state} {self.state.value}>"

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The lab's loop, on which the phone lives."""
        return self._background.loop

    @property
    def state(self) -> ConnectionState:
        """Where the phone stands with the server."""
        return self.socket.state

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self.socket.connected

    def connect(self) -> None:
        """Connect and enter the rooms, as a phone does by itself unless it is made with ``connect=False``.

        Raises:
            ConnectTimeout: no connection within ``connection_timeout_s``.
            ConnectRefused: the server said no.
        """
        self._background.run(self.aconnect())

    def disconnect(self) -> None:
        """Say goodbye and stay away until :meth:`connect`."""
        self._background.run(self.socket.disconnect())

    def background(self) -> None:
        """The app goes out of sight."""
        self._background.call(self.app_state.background)

    def foreground(self) -> None:
        """The app comes back."""
        self._background.call(self.app_state.foreground)

    def close(self) -> None:
        """Take the phone out of the lab; harmless if it is out."""
        self._background.run(self.aclose())

    # -- on the loop

    def start(self) -> None:
        """The phone is on: its network is sampled, and pushes reach it."""
        self.network.start_sampling()
        self.network.samples.observe(lambda samples: self._look_for_pushes())  # an outage ends by itself
        self.notifications.start()

    async def aconnect(self) -> None:
        """As :meth:`connect`, on the lab's loop."""
        await self.socket.connect()
        for room_id in (*self._rooms, *self.chat.client.rooms):
            await self.chat.ajoin(room_id)

    async def aclose(self) -> None:
        """As :meth:`close`, on the lab's loop."""
        if self._is_closed:
            return
        self._is_closed = True
        self.network.stop_sampling()
        self.notifications.close()
        self.location.close()
        if self.proxy.state != "online":
            self.proxy.reset()  # a goodbye would only wait for its time limit
        await self.socket.disconnect()
        self.chat.client.close()
        self.presence.close()
        await self.proxy.stop()
        self.on_close()

    def _notifications(self, chat: ChatClient, gateway: LocalGateway | None) -> PhoneNotifications:
        in_app = InAppNotifications(app_state=self.app_state)
        handler = PushNotificationHandler(self.socket, user_id=self.user_id, in_app=in_app, chat=chat)
        handler.looking_at = next(iter(self._rooms), None)
        token = f"{self.user_id}/{self.name}"
        return PhoneNotifications(handler, in_app, self.app_state, self._background, gateway=gateway, token=token)

    def _acted(self, act: str, detail: str) -> None:
        self._on_act(act, detail)
        self._look_for_pushes()

    def _look_for_pushes(self) -> None:
        self.notifications.reach(self.proxy.state == "online")


def _carrier(profile: Profile | None) -> NetType:
    if profile is None:
        return NetType.UNKNOWN
    return NetType.WIFI if profile.name == "wifi" else NetType.CELLULAR


def _branch(rng: random.Random) -> random.Random:
    return random.Random(rng.getrandbits(128))
