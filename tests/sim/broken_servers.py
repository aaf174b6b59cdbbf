"""Servers that break a promise each. An engine in memory is made outside of the server's process: it is its disk."""

import asyncio

from msgspec.structs import replace

from realtime.lab.sim_server import SimServer
from realtime.server.chat_events import ChatEvents
from realtime.server.engine.memory import MemoryEngine
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.location_events import LocationEvents
from realtime.server.messages import AcceptedReply, Refusal


class AcksBeforeStoring(MemoryEngine):
    """Acks and tells everybody at once, and writes to its disk every 20 s: what a crash comes before is gone."""

    def __init__(self, **options):
        super().__init__(**options)
        self._on_disk = {}  # room -> offset of the last entry there
        self._timer = None

    async def start(self, deliver):
        self._timer = None
        for room_id, log in self._logs.items():
            kept = self._on_disk.get(room_id, 0)
            del log.records[len(log.records) - (log.last - kept) :]
            log.last = kept
            log.ids = {key: appended for key, appended in log.ids.items() if appended.offset <= kept}
        await super().start(deliver)

    def append(self, draft, done):
        super().append(draft, done)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(20.0, self._write)  # dies with the process

    def _write(self):
        self._timer = None
        self._on_disk = {room_id: log.last for room_id, log in self._logs.items()}


class AcksBeforeItsCommit(SimServer):
    """Acks what the database has been told, though it reaches the disk 20 s later only."""

    def make_engine(self):
        disk, loop = self.machine.disk, self.world.loop

        def synced(path):
            if self.machine.is_running and path.exists():
                loop.call_later(20.0, lambda: path.exists() and disk.synced(path))

        return SqliteEngine(disk.path / "rooms.db", synced=synced, rng=self.rng("epoch"))


class ForgetsIds(MemoryEngine):
    """Applies a retried message once more."""

    def append(self, draft, done):
        self._log(draft.room_id).ids.clear()
        super().append(draft, done)


class RepeatsOffsets(MemoryEngine):
    """Gives every tenth message the offset of the one before, in its place."""

    appended = 0

    def append(self, draft, done):
        self.appended += 1
        log = self._log(draft.room_id)
        if self.appended % 10 == 0 and log.records:
            log.records.pop()
            log.last -= 1
        super().append(draft, done)


class SwapsBroadcasts(MemoryEngine):
    """Broadcasts every tenth message of a room after the one that follows it."""

    async def start(self, deliver):
        held, count = {}, {}

        def swapped(record):
            count[record.room_id] = count.get(record.room_id, 0) + 1
            if count[record.room_id] % 10 == 0:
                held[record.room_id] = record
                return
            deliver(record)
            if (late := held.pop(record.room_id, None)) is not None:
                deliver(late)

        await super().start(swapped)


class _Altered(SimServer):
    """A real server with something exchanged in it."""

    def make_server(self):
        server = super().make_server()
        self.alter(server, server.namespace("/"))
        return server


class DropsABroadcast(_Altered):
    """Forgets one member of the room in every tenth broadcast of a message."""

    def alter(self, server, namespace):
        told, count = namespace.broadcast, 0

        def broadcast(room_id, frame, *, skip=None, volatile=False):
            nonlocal count
            count += b"chat:message" in frame.text
            others = [session for session in namespace.rooms.sessions(room_id) if session is not skip]
            if b"chat:message" not in frame.text or count % 10 or not others:
                told(room_id, frame, skip=skip, volatile=volatile)
                return
            for session in others[1:]:
                session.send(frame)

        namespace.broadcast = broadcast


class LeavesGhosts(_Altered):
    """Tells nobody that a member is gone whose connection died."""

    def alter(self, server, namespace):
        namespace._when_gone.clear()


class TellsThePositionBefore(_Altered):
    """Passes each position on when the next one comes, and so an old one last."""

    def alter(self, server, namespace):
        _LateLocations(namespace, server._rooms)


class _LateLocations(LocationEvents):
    def _update(self, session, request, ack_id):
        known = self.__dict__.setdefault("before", {})
        before, known[session.member] = known.get(session.member), request
        if before is None:
            session.acknowledge(ack_id, AcceptedReply(accepted=len(request.fixes)))
        else:
            super()._update(session, before, ack_id)


class RefusesWhatItStored(_Altered):
    """Stores and delivers every tenth message, and then says that it may not be sent."""

    def alter(self, server, namespace):
        _LateRefusals(namespace, server._rooms, server._engine, server._counters)


class _LateRefusals(ChatEvents):
    stored = 0

    def _logged(self, session, message_id, ack_id, result):
        self.stored += 1
        if self.stored % 10:
            super()._logged(session, message_id, ack_id, result)
        else:
            session.refuse(ack_id, Refusal("forbidden", "not this one"))


class Refuses(_Altered):
    """Refuses every tenth message, and does not store it: no promise is broken."""

    def alter(self, server, namespace):
        _Refusals(namespace, server._rooms, server._engine, server._counters)


class _Refusals(ChatEvents):
    came = 0

    def _message(self, session, request, ack_id):
        self.came += 1
        if self.came % 10:
            super()._message(session, request, ack_id)
        else:
            session.refuse(ack_id, Refusal("forbidden", "not this one"))


class SwapsTexts(_Altered):
    """Gives every tenth message the text of the one before it."""

    def alter(self, server, namespace):
        _SwappedTexts(namespace, server._rooms, server._engine, server._counters)


class _SwappedTexts(ChatEvents):
    came = 0
    before = "nothing"

    def _message(self, session, request, ack_id):
        self.came += 1
        text, self.before = self.before, request.text
        super()._message(session, request if self.came % 10 else replace(request, text=text), ack_id)


class NamesAnother(_Altered):
    """Says of every tenth message that somebody else wrote it."""

    def alter(self, server, namespace):
        _OtherAuthors(namespace, server._rooms, server._engine, server._counters)


class _OtherAuthors(ChatEvents):
    came = 0

    def _message(self, session, request, ack_id):
        self.came += 1
        member = session.member
        if self.came % 10 == 0:
            session.member = member._replace(user_id="mallory")
        super()._message(session, request, ack_id)
        session.member = member
