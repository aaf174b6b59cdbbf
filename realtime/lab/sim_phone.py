"""A phone of the simulated world: the real client on a machine that can crash, with a user who notes what they see."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message
from realtime.chat.send_result import SendResult
from realtime.connection.app_state import AppState, AppStateValue, BackgroundPolicy
from realtime.connection.disk_outbox import DiskOutbox
from realtime.connection.message_queue import Outbox
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.socket_manager import SocketManager
from realtime.lab.sim_notes import Notes, Overheard
from realtime.lab.sim_tray import SHOWN, SimTray
from realtime.location.geofence import Fence
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.sources import LocationSource
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.utils import ambient

if TYPE_CHECKING:
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

URL = "http://server:8765"


class SimPhone:
    """The app on a user's device. A restart of the machine makes a new one, which remembers nothing.

    Make it in the factory of a machine: ``world.machine("ana", lambda machine: SimPhone(world, machine, …))``, and
    call it on its own host, or with :meth:`~realtime.sim.world.World.on`. To break the client for a test, override
    :meth:`make_outbox`, :meth:`make_socket`, :meth:`make_status`, :meth:`make_chat`, :meth:`make_presence`,
    :meth:`make_location`, :meth:`make_fences`, :meth:`make_in_app` or :meth:`make_push`.

    Args:
        world: where it is.
        machine: on which it runs; the machine's name is the device's.
        user_id: whose it is.
        rooms: which it enters at its start.
        history: what its user sees is noted there; None notes nothing.
        url: the server.
        shares: where it gets its position from, and the room that is told of it from the start.
        location_interval_s: the least time between two fixes that it shares, in seconds.
        on_disk: what it has to send, and what it has shown, is on the machine's disk, and outlives the app.
        tracks_presence: it follows who is in its rooms from the start.
        follows: users whose online status it follows from the start.
        tray: the device's system, which pushes come to; without one there are none, and messages are no notifications.
        fences: which it watches on its own way; needs ``shapely``.
        fence_room: the room that is told of crossings.
        crossings: crossings are noted there, as if they were messages; None notes none.
        chat_options: of :class:`~realtime.chat.chat_client.ChatClient`.
        options: of :class:`~realtime.connection.socket_manager.SocketManager`.

    Attributes:
        on_send: told of each message that it sends.
        is_sharing: whether it shares its position.
    """

    def __init__(
        self,
        world: World,
        machine: Machine,
        *,
        user_id: str,
        rooms: Iterable[str] = ("lobby",),
        history: History | None = None,
        url: str = URL,
        shares: tuple[LocationSource, str] | None = None,
        location_interval_s: float = 5.0,
        on_disk: bool = False,
        tracks_presence: bool = False,
        follows: Iterable[str] = (),
        tray: SimTray | None = None,
        fences: Iterable[Fence] = (),
        fence_room: str | None = None,
        crossings: History | None = None,
        chat_options: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        self.world = world
        self.machine = machine
        self.name: str = machine.name
        self.user_id = user_id
        self.url = url
        self.rooms = tuple(rooms)
        self.history = history
        self.shares = shares
        self.location_interval_s = location_interval_s
        self.on_disk = on_disk
        self.tracks_presence = tracks_presence
        self.follows = tuple(follows)
        self.tray = tray
        self.fence_room = fence_room
        self.crossings = crossings
        self.is_sharing = False
        self.chat_options = chat_options
        self.options = options
        self._hidden_s = 0.0  # when it went to the background
        self.on_send: Callable[[Message], object] | None = None
        self.app_state = AppState()
        self.net_info = NetInfo(NetType.CELLULAR)
        self.socket = self.make_socket()
        self.status = self.make_status()  # before the joins, so that nobody sees the status of before
        self.chat = self.make_chat()
        self.presence = self.make_presence()
        self.location = self.make_location()
        self.fences = self.make_fences(tuple(fences))
        self.in_app = self.make_in_app()
        self.push = self.make_push()
        if history is not None:
            notes = Notes(history, self.name, self.user_id, crossings)
            notes.take(self.socket, self.chat, self.location, self.rooms)
            notes.take_presence(self.presence, self.status)
            notes.take_notifications(self.in_app)
            if self.fences is not None and fence_room is not None:
                notes.take_crossings(self.fences, self.location, fence_room, is_durable=on_disk)
        self.location.on("stop", self._stopped)

    def __repr__(self) -> str:
        return f"<SimPhone {self.name!r} of {self.user_id!r} {self.socket.state.name}>"

    # -- its parts

    def rng(self, purpose: str) -> random.Random:
        """A random stream of its own for each purpose and each start of the machine: ids must not come again."""
        return self.world.rng(f"{self.name} {self.machine.process.number}: {purpose}")

    def make_outbox(self) -> Outbox | None:
        """What it has to send; None is in memory."""
        disk = self.machine.disk
        return DiskOutbox(disk.path / "outbox.sqlite", synced=disk.synced) if self.on_disk else None

    def make_socket(self) -> SocketManager:
        """The connection."""
        return SocketManager(
            self.url,
            auth={"userId": self.user_id, "deviceId": self.name},
            name=self.name,
            rng=self.rng("backoff"),
            app_state=self.app_state,
            net_info=self.net_info,
            **{"queue": self.make_outbox(), **self.options},
        )

    def make_chat(self) -> ChatClient:
        """The chat over :attr:`socket`."""
        return ChatClient(self.socket, user_id=self.user_id, rng=self.rng("ids"), **self.chat_options)

    def make_location(self) -> LiveLocationTracker:
        """The positions over :attr:`socket`; made after the chat, whose joins must come first."""
        return LiveLocationTracker(self._overheard(), user_id=self.user_id, interval_s=self.location_interval_s)

    def make_status(self) -> OnlineStatusSync:
        """The online status over :attr:`socket`."""
        return OnlineStatusSync(self.socket)

    def make_presence(self) -> PresenceTracker:
        """Who is in the rooms that :attr:`chat` joins."""
        return PresenceTracker(self.socket)

    def make_fences(self, fences: tuple[Fence, ...]) -> GeofenceAlerts | None:
        """What watches the fences along :attr:`location`; None: there are none."""
        if not fences:
            return None
        alerts = GeofenceAlerts(self._overheard(), fences, room_id=self.fence_room, rng=self.rng("crossings"))
        alerts.follow(self.location)
        return alerts

    def make_in_app(self) -> InAppNotifications:
        """What shows notifications inside the app."""
        return InAppNotifications(app_state=self.app_state)

    def make_push(self) -> PushNotificationHandler:
        """What registers the device for pushes, and shows each thing once."""
        return PushNotificationHandler(
            self.socket,
            user_id=self.user_id,
            in_app=self.in_app,
            chat=None if self.tray is None else self.chat,
            seen_path=self.machine.disk.path / SHOWN if self.on_disk and self.tray is not None else None,
        )

    def _overheard(self) -> SocketManager:
        """The connection, where what becomes of fixes and crossings is noted."""
        if self.history is None:
            return self.socket
        return cast(SocketManager, Overheard(self.socket, self.history, self.user_id, self.crossings))

    # -- what the device does

    async def start(self) -> None:
        """Connect, for ever, and enter the rooms; with or without a network."""
        if self.tray is not None:
            tray = self.tray
            self.push.on("withdrawn", lambda notification: tray.take_off(notification.id))
            self.push.delivered(self.tray.on_screen)
            self.push.set_token(self.tray.token)
        self.status.subscribe(self.follows)
        await self.socket.connect(wait=False)
        for room_id in self.rooms:
            await self.join(room_id)
        await self.share()

    def background(self) -> None:
        """The app goes out of sight."""
        self._hidden_s = self.world.now_s
        self.app_state.background()

    def foreground(self) -> None:
        """The app comes back."""
        self.app_state.foreground()

    @property
    def is_away(self) -> bool:
        """Whether the app has been in the background for so long that it keeps no connection."""
        policy: BackgroundPolicy = self.options.get("background", BackgroundPolicy.DISCONNECT)
        is_hidden = self.app_state.value is AppStateValue.BACKGROUND
        return is_hidden and self.world.now_s >= self._hidden_s + policy.keep_s

    def network_changed(self, kind: str) -> None:
        """The device reports another network.

        Args:
            kind: ``wifi``, ``none``, or anything else for the mobile network.
        """
        known = kind in (NetType.WIFI, NetType.NONE)
        self.net_info.update(type=NetType(kind) if known else NetType.CELLULAR)

    # -- what its user does

    async def join(self, room_id: str) -> None:
        """Enter a room."""
        await self.chat.join(room_id)
        if self.tracks_presence:
            self.presence.enter(room_id)

    async def leave(self, room_id: str) -> None:
        """Leave a room, and wait until the server knows."""
        self.presence.leave(room_id)
        await self.chat.leave(room_id)

    async def share(self, for_s: float | None = None) -> None:
        """Share its position, if there is a source of it, for so many seconds, or until :meth:`stop_sharing`."""
        if self.shares is not None:
            source, room_id = self.shares
            self.is_sharing = True
            await self.location.start_tracking(source, room_id=room_id, share_for_s=for_s)

    def stop_sharing(self) -> None:
        """Share its position no more."""
        self.location.stop_tracking()

    def type(self, room_id: str) -> None:
        """Press a key."""
        if self.history is not None:
            self.history.typed(self.user_id, room_id)
        self.chat.set_typing(room_id, True)

    def send(self, room_id: str, text: str) -> SendResult:
        """Send a message.

        Raises:
            SendRefused: the outbox is full.
        """
        result = self.chat.send_message(room_id, text)
        if self.history is not None:
            self.history.attempt(
                self.name, room_id, result.message_id, f"{self.user_id}: {text}", is_durable=self.on_disk
            )
        if self.on_send is not None:
            self.on_send(self.chat.room(room_id).snapshot.unsent[-1])
        return result

    def amend(self, message: Message, change: str) -> None:
        """Change a message: one's own, or by a reaction anybody's.

        Args:
            message: as it shows.
            change: ``edit`` and ``delete``, which mean a heart where the message is another's; ``take back`` for one's
                own reactions; or an emoji.

        Raises:
            LocalProtocolError: the message cannot be changed.
            SendRefused: the outbox is full.
        """
        chat, room_id, message_id = self.chat, message.room_id, message.message_id
        if change in ("edit", "delete") and message.mine:
            text = "" if change == "delete" else f"{message.text[:100]}!"
            if change == "edit":
                chat.edit_message(room_id, message_id, text)
            else:
                chat.delete_message(room_id, message_id)
            if self.history is not None:
                self.history.amended(message_id, f"{self.user_id}: {text}")
        elif change == "take back":
            for reaction in message.reactions:
                if self.user_id in reaction.user_ids:
                    chat.remove_reaction(room_id, message_id, reaction.emoji)
        else:
            chat.add_reaction(room_id, message_id, "❤️" if change in ("edit", "delete") else change)

    def _stopped(self, user_id: str, room_id: str, reason: str) -> None:
        if user_id == self.user_id and self.is_sharing:
            self.is_sharing = False
            if self.history is not None:
                self.history.position_ended(user_id, ambient.wall_time_ms())

    # -- in the end

    @property
    def is_settled(self) -> bool:
        """Whether it is in all its rooms, and everything that it sent is answered."""
        states = [self.chat.room(room_id).snapshot for room_id in self.rooms]
        return all(state.joined and all(message.error for message in state.unsent) for state in states)

    def show(self) -> None:
        """Note what it shows of each of its rooms."""
        if self.history is None:
            return
        for room_id in self.rooms:
            state = self.chat.room(room_id).snapshot
            entries = [(message.offset, message.message_id) for message in state.messages if message.offset is not None]
            gaps = [(gap.after, gap.before) for gap in state.gaps]
            self.history.view(self.name, room_id, entries, gaps=gaps)

    async def stop(self) -> None:
        """Say goodbye."""
        if self.fences is not None:
            self.fences.close()
        for feature in (self.push, self.in_app, self.location, self.presence, self.status, self.chat):
            feature.close()
        await self.socket.disconnect()
