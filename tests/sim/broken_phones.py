"""Phones that break a promise each: the real client with one part of it exchanged."""

import math

import msgspec

from realtime.chat.chat_client import ChatClient
from realtime.chat.log_events import Received
from realtime.chat.room_log import RoomLog
from realtime.connection.app_state import AppStateValue
from realtime.connection.heartbeat_monitor import HeartbeatMonitor
from realtime.connection.message_queue import MessageQueue
from realtime.lab.sim_phone import SimPhone


class _Altered(SimPhone):
    """A phone with another outbox, another heartbeat, or another log of its rooms."""

    queue = MessageQueue
    heartbeat = HeartbeatMonitor
    log = RoomLog

    def make_outbox(self):
        outbox = super().make_outbox()
        outbox._queue.__class__ = self.queue  # it holds what an earlier process left
        return outbox

    def make_socket(self):
        self.options = {**self.options, "heartbeat": self.heartbeat()}
        return super().make_socket()

    def make_chat(self):
        log = self.log

        class Chat(ChatClient):
            def _seat(self, room_id):
                is_new = room_id not in self._seats
                seat = super()._seat(room_id)
                if is_new:
                    seat.room._log.__class__ = log
                    self.alter(seat)
                return seat

            alter = staticmethod(self.alter)

        return Chat(self.socket, user_id=self.user_id, rng=self.rng("ids"))

    def alter(self, seat):
        """Exchange something in a new room."""


class ForgetsWhatItTold(_Altered):
    """Asks at each join for three messages that it has, to be sure, and takes them for new ones."""

    class log(RoomLog):  # noqa: N801
        @property
        def position(self):
            known = super().position
            return None if known is None else known._replace(offset=max(0, known.offset - 3))

        def joined(self, position, entries, **options):
            known = {message.message_id: message for message in self.messages()}
            again = [Received(known[entry.message_id]) for entry in entries if entry.message_id in known]
            return again + super().joined(position, entries, **options)


class ResendsOutOfOrder(_Altered):
    """Writes the unacknowledged messages again in the wrong order after a lost connection."""

    class queue(MessageQueue):  # noqa: N801
        def rewind(self):
            again = super().rewind()
            for _ in again:
                self._unwritten.popleft()
            self._unwritten.extendleft(again)  # from the left, one after the other: the newest comes first
            return again


class ForgetsItsOutbox(_Altered):
    """Has nothing left to send after a lost connection."""

    class queue(MessageQueue):  # noqa: N801
        def rewind(self):
            for message in self.messages:
                self.discard(message.message_id)
            return super().rewind()


class ForgetsItsDisk(SimPhone):
    """Begins each start with an empty outbox."""

    def make_outbox(self):
        for path in self.machine.disk.path.glob("outbox*"):
            path.unlink()
        return super().make_outbox()


class KeepsItsOutboxInMemory(SimPhone):
    """Says that what it sends is on its disk, and has it in memory."""

    def make_outbox(self):
        return MessageQueue()


class InventsMessages(_Altered):
    """Shows every tenth message once more, as another one."""

    class log(RoomLog):  # noqa: N801
        count = 0

        def received(self, entry):
            events = super().received(entry)
            self.count += 1
            if self.count % 10 == 0:
                events += super().received(msgspec.structs.replace(entry, message_id=entry.message_id + "'"))
            return events


class ShowsRefusedMessages(_Altered):
    """Takes a refusal for an ack. Its server has to refuse something."""

    class log(RoomLog):  # noqa: N801
        def refused(self, message_id, error):
            events = super().refused(message_id, error)
            self.acked(message_id, (self.position.offset if self.position else 0) + 1, 0)
            return events


class MissesWhatItMissed(_Altered):
    """Joins again after a reconnect, and does not look at what came meanwhile."""

    class log(RoomLog):  # noqa: N801
        def joined(self, position, entries, *, more, **options):
            is_first = self.position is None
            return super().joined(position, entries if is_first else (), more=more and is_first, **options)


class ForgetsItsPlace(_Altered):
    """Joins again as if for the first time: what it missed is history to it, and nobody is told."""

    class log(RoomLog):  # noqa: N801
        def disconnected(self):
            super().__init__(self.room_id, self._user_id)


class NeverNoticesDeath(_Altered):
    """Waits for ever on a connection that is dead without a sign."""

    class heartbeat(HeartbeatMonitor):  # noqa: N801
        def _deadline(self):
            return math.inf


class KeepsGhosts(_Altered):
    """Hears who comes, and not who goes."""

    def alter(self, seat):
        heard = seat.room.diff
        seat.room.diff = lambda diff: heard(msgspec.structs.replace(diff, leaves=()))


class ForgetsChanges(_Altered):
    """Hears of every third change to a message, and leaves the message as it was."""

    class log(RoomLog):  # noqa: N801
        count = 0

        def _amend(self, amendment):
            self.count += 1
            return super()._amend(amendment) if self.count % 3 else []


class SkipsBackground(SimPhone):
    """Does not listen while nobody looks, though it keeps its connection."""

    def make_chat(self):
        phone = self

        class Chat(ChatClient):
            def _received(self, entry):
                if phone.app_state.value is not AppStateValue.BACKGROUND:
                    super()._received(entry)

        return Chat(self.socket, user_id=self.user_id, rng=self.rng("ids"))


class TakesBackgroundForGone(_Altered):
    """Shows members whose app is in the background as gone."""

    def alter(self, seat):
        heard = seat.room.diff

        def diff(change):
            hidden = [member for member in change.joins if member.state == "background"]
            seen = [member for member in change.joins if member.state != "background"]
            heard(msgspec.structs.replace(change, joins=seen, leaves=[*change.leaves, *hidden]))

        seat.room.diff = diff


class GoesBack(SimPhone):
    """Shows an old position of somebody now and then."""

    def make_location(self):
        tracker = super().make_location()
        tell, first, count = tracker._events.dispatch, {}, 0

        def dispatch(event, *args):
            nonlocal count
            count += 1
            tell(event, *args)
            if event == "update" and args[1] is not first.setdefault(args[0], args[1]) and count % 5 == 0:
                tell(event, args[0], first[args[0]])

        tracker._events.dispatch = dispatch
        return tracker
