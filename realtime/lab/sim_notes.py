"""What the user of a simulated phone sees, as records of a history."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Gap, Message, RoomState
from realtime.connection.receipt import Receipt, ReceiptStatus
from realtime.connection.socket_manager import SocketManager
from realtime.location.fix import Fix
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.geofence_monitor import Crossing, GeofenceMonitor, Transition
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.presence.wire import Member
from realtime.protocol.errors import RealtimeError

if TYPE_CHECKING:
    from realtime.sim.history import History


def presence_of(user_id: str, room_id: str) -> str:
    """The subject of presence in a history: a user, with whatever devices, in a room."""
    return f"{user_id} in {room_id}"


def member_of(device: str, room_id: str) -> str:
    """Another: a device in a room."""
    return f"member {device} of {room_id}"


def status_of(user_id: str) -> str:
    """Another: a user, as those see who follow the user's online status."""
    return f"status of {user_id}"


def marker_of(user_id: str, room_id: str) -> str:
    """Another: a user on the map of a room."""
    return f"marker of {user_id} in {room_id}"


def crossing_of(user_id: str, transition: str, fence_id: str, timestamp_ms: int) -> str:
    """The name of a crossing in a history: whose, of what kind, of which fence, and when it was."""
    return f"{user_id}: {transition} {fence_id} at {timestamp_ms} ms"


def crossing_in(entry: object) -> str | None:
    """The same of an entry of a room's log, or of what is on its way there; None: it is something else.

    Args:
        entry: as on the wire.
    """
    if not isinstance(entry, dict) or "fenceId" not in entry:
        return None
    return crossing_of(entry["userId"], entry["transition"], entry["fenceId"], entry["fix"]["timestamp"])


class Notes:
    """Writes down what one device shows and tells.

    Args:
        history: where to.
        device: the name of the device.
        user_id: whose it is.
        crossings: where fences that were crossed go to, as if they were messages; None: they are not noted.
    """

    def __init__(self, history: History, device: str, user_id: str, crossings: History | None = None) -> None:
        self._history = history
        self._crossings = crossings
        self._device = device
        self._user_id = user_id
        self._members: dict[str, tuple[str, ...]] = {}  # of the rooms that were joined
        self._gaps: dict[str, tuple[Gap, ...]] = {}
        self._marked: dict[str, set[str]] = {}  # by room: who is on its map

    @property
    def _histories(self) -> list[History]:
        return [self._history] if self._crossings is None else [self._history, self._crossings]

    def take(
        self, socket: SocketManager, chat: ChatClient, location: LiveLocationTracker, rooms: Iterable[str]
    ) -> None:
        """Listen from now on: to a device that has not connected yet."""
        history, device = self._history, self._device
        socket.on("reconnect", lambda attempt: history.reconnect(device))
        chat.on("message", self._told)
        chat.on("message_delivered", self._delivered)
        chat.on("message_failed", self._failed)
        chat.on("typing", lambda room_id, user_id, is_typing: history.typing_shown(device, user_id, room_id, is_typing))
        if self._crossings is not None:
            chat.on("logged", self._logged)
        self._marked = {room_id: set() for room_id in rooms}
        location.on("update", partial(self._moved, location))
        location.on("stop", self._stopped)
        for room_id in rooms:
            chat.room(room_id).observe(partial(self._saw, room_id))

    def take_notifications(self, in_app: InAppNotifications) -> None:
        """Listen from now on to what is shown inside the app."""
        in_app.on("shown", lambda shown: self._history.notified(self._device, shown.message_ids, "app"))

    def take_presence(self, tracker: PresenceTracker, status: OnlineStatusSync) -> None:
        """Listen from now on to who is there."""
        tracker.on("join", partial(self._present, is_online=True))
        tracker.on("leave", partial(self._present, is_online=False))
        status.on("status", lambda user: self._status(user.user_id, is_online=user.status != "offline"))

    def take_crossings(
        self, fences: GeofenceAlerts, location: LiveLocationTracker, room_id: str, *, is_durable: bool
    ) -> None:
        """Listen from now on to what is crossed, of which the room is to be told.

        What is crossed is judged here, by all that is measured: ``fences`` may overlook it.
        """
        crossings = self._crossings
        if crossings is None:
            return
        ways = GeofenceMonitor(fences.monitor.fences)
        refused: list[Exception] = []
        unpromised: set[str] = set()

        def name_of(crossing: Transition) -> str:
            return crossing_of(self._user_id, crossing.kind.value, crossing.fence_id, crossing.at_ms)

        def told(crossing: Transition) -> None:
            if refused:  # by the outbox: nothing was promised
                unpromised.add(name_of(crossing))
            refused.clear()

        def measured(fix: Fix) -> None:
            for name in map(name_of, ways.feed(fix)):
                if name not in unpromised:
                    crossings.attempt(self._device, room_id, name, is_durable=is_durable)

        fences.on("error", refused.append)
        for kind in Crossing:
            fences.on(kind.value, told)
        location.on("fix", measured)

    def _logged(self, room_id: str, entry: dict[str, Any]) -> None:
        name = crossing_in(entry)
        if self._crossings is not None and name is not None and self._crossings.sender(name) != self._device:
            self._crossings.delivery(self._device, room_id, name, entry["offset"], entry["userId"])

    def _present(self, room_id: str, member: Member, *, is_online: bool) -> None:
        if member.user_id != self._user_id:
            self._history.shown(self._device, member_of(member.device_id, room_id), is_online)

    def _status(self, user_id: str, *, is_online: bool) -> None:
        if user_id != self._user_id:
            self._history.shown(self._device, status_of(user_id), is_online)

    def _stopped(self, user_id: str, room_id: str, reason: str) -> None:
        if user_id != self._user_id:
            self._history.position_gone(self._device, user_id)
            self._marked[room_id].discard(user_id)
            self._history.shown(self._device, marker_of(user_id, room_id), False)

    def _told(self, message: Message) -> None:
        assert message.offset is not None
        author, content = message.user_id, f"{message.user_id}: {message.text}"
        self._history.delivery(self._device, message.room_id, message.message_id, message.offset, author, content)

    def _delivered(self, message: Message) -> None:
        assert message.offset is not None
        self._history.ok(message.message_id, message.offset)

    def _failed(self, message: Message) -> None:
        if message.error is not None:  # otherwise it is only late
            self._history.fail(message.message_id, message.error)

    def _moved(self, location: LiveLocationTracker, user_id: str, fix: Fix) -> None:
        if user_id == self._user_id:
            return
        self._history.position_shown(self._device, user_id, fix.timestamp_ms)
        for room_id, marked in self._marked.items():
            if user_id not in marked and user_id in location.room(room_id).snapshot.fixes:
                marked.add(user_id)
                self._history.shown(self._device, marker_of(user_id, room_id), True)

    def _saw(self, room_id: str, state: RoomState) -> None:
        for gap in state.gaps:
            if gap not in self._gaps.get(room_id, ()):
                for history in self._histories:
                    history.gap(self._device, room_id, gap.after, gap.before)
        self._gaps[room_id] = state.gaps
        before = self._members.get(room_id)
        if before is None:
            if not state.joined:
                return
            for history in self._histories:
                history.member(self._device, room_id)
            before = ()
        if state.members is before:
            return
        self._members[room_id] = state.members
        for user_id in state.members:
            if user_id not in before:
                self._show(user_id, room_id, is_online=True)
        for user_id in before:
            if user_id not in state.members:
                self._show(user_id, room_id, is_online=False)

    def _show(self, user_id: str, room_id: str, *, is_online: bool) -> None:
        if user_id != self._user_id:
            self._history.shown(self._device, presence_of(user_id, room_id), is_online)


class Overheard:
    """A connection whose acknowledged fixes and crossings are noted: for those who keep them to themselves.

    Args:
        socket: the real one.
        history: where to.
        user_id: whose position it is.
        crossings: where acknowledged crossings go to; None: they are not noted.
    """

    def __init__(self, socket: SocketManager, history: History, user_id: str, crossings: History | None = None) -> None:
        self._socket = socket
        self._history = history
        self._user_id = user_id
        self._crossings = crossings

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def emit(self, event: str, *args: Any, **options: Any) -> Receipt:
        """As the real one's."""
        receipt = self._socket.emit(event, *args, **options)
        if event == "location:update":
            receipt.add_done_callback(partial(self._answered, args[0]["fixes"][-1]["timestamp"]))
        if event == "geofence:event" and self._crossings is not None:
            name = crossing_in({**args[0], "userId": self._user_id})
            receipt.add_done_callback(partial(self._logged, self._crossings, str(name)))
        return receipt

    def _logged(self, crossings: History, name: str, receipt: Receipt) -> None:
        reply = _reply(receipt)
        if reply is not None:
            crossings.ok(name, reply["offset"])
        elif receipt.status is ReceiptStatus.ACKED:
            crossings.fail(name, "refused")

    def _answered(self, timestamp_ms: int, receipt: Receipt) -> None:
        if _reply(receipt) is not None:
            self._history.position_acked(self._user_id, timestamp_ms)


def _reply(receipt: Receipt) -> dict[str, Any] | None:
    """What the server said, if it took it."""
    try:
        reply = receipt.result()
    except RealtimeError:
        return None  # lost with its connection
    return reply if isinstance(reply, dict) and reply.get("ok") else None
