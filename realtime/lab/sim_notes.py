"""What the user of a simulated phone sees, as records of a history."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Gap, Message, RoomState
from realtime.connection.receipt import Receipt
from realtime.connection.socket_manager import SocketManager
from realtime.location.fix import Fix
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.protocol.errors import RealtimeError

if TYPE_CHECKING:
    from realtime.sim.history import History


def presence_of(user_id: str, room_id: str) -> str:
    """The subject of presence in a history: a user, with whatever devices, in a room."""
    return f"{user_id} in {room_id}"


class Notes:
    """Writes down what one device shows and tells.

    Args:
        history: where to.
        device: the name of the device.
        user_id: whose it is.
    """

    def __init__(self, history: History, device: str, user_id: str) -> None:
        self._history = history
        self._device = device
        self._user_id = user_id
        self._members: dict[str, tuple[str, ...]] = {}  # of the rooms that were joined
        self._gaps: dict[str, tuple[Gap, ...]] = {}

    def take(
        self, socket: SocketManager, chat: ChatClient, location: LiveLocationTracker, rooms: Iterable[str]
    ) -> None:
        """Listen from now on: to a device that has not connected yet."""
        history, device = self._history, self._device
        socket.on("reconnect", lambda attempt: history.reconnect(device))
        chat.on("message", self._told)
        chat.on("message_delivered", self._delivered)
        chat.on("message_failed", self._failed)
        location.on("update", self._moved)
        for room_id in rooms:
            chat.room(room_id).observe(partial(self._saw, room_id))

    def take_notifications(self, in_app: InAppNotifications) -> None:
        """Listen from now on to what is shown inside the app."""
        in_app.on("shown", lambda shown: self._history.notified(self._device, shown.message_ids, "app"))

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

    def _moved(self, user_id: str, fix: Fix) -> None:
        if user_id != self._user_id:
            self._history.position_shown(self._device, user_id, fix.timestamp_ms)

    def _saw(self, room_id: str, state: RoomState) -> None:
        for gap in state.gaps:
            if gap not in self._gaps.get(room_id, ()):
                self._history.gap(self._device, room_id, gap.after, gap.before)
        self._gaps[room_id] = state.gaps
        before = self._members.get(room_id)
        if before is None:
            if not state.joined:
                return
            self._history.member(self._device, room_id)
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
    """A connection whose acknowledged fixes are noted: for a location tracker, which keeps them to itself.

    Args:
        socket: the real one.
        history: where to.
        user_id: whose position it is.
    """

    def __init__(self, socket: SocketManager, history: History, user_id: str) -> None:
        self._socket = socket
        self._history = history
        self._user_id = user_id

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def emit(self, event: str, *args: Any, **options: Any) -> Receipt:
        """As the real one's."""
        receipt = self._socket.emit(event, *args, **options)
        if event == "location:update":
            receipt.add_done_callback(partial(self._answered, args[0]["fixes"][-1]["timestamp"]))
        return receipt

    def _answered(self, timestamp_ms: int, receipt: Receipt) -> None:
        try:
            reply = receipt.result()
        except RealtimeError:
            return  # lost with its connection
        if isinstance(reply, dict) and reply.get("ok"):
            self._history.position_acked(self._user_id, timestamp_ms)
