"""Servers that break a promise each. An engine in memory is made outside of the server's process: it is its disk."""

import msgspec
from msgspec.structs import replace

from realtime.lab.sim_server import SimServer
from realtime.server.engine.base import NotApplied
from realtime.server.engine.memory import MemoryEngine
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.location_events import LocationEvents
from realtime.server.location_messages import SharedReply


class AcksBeforeItsCommit(SimServer):
    """Acks what the database has been told, though it reaches the disk 20 s later only."""

    def make_engine(self):
        disk, loop = self.machine.disk, self.world.loop

        def synced(path):
            if self.machine.is_running and path.exists():
                loop.call_later(20.0, lambda: path.exists() and disk.synced(path))

        return SqliteEngine(disk.path / "rooms.db", synced=synced, rng=self.rng("epoch"))


class ForgetsIds(SimServer):
    """Remembers the newest message of a room only, and applies an older one that is retried once more."""

    def make_engine(self):
        self.engine_options = {**self.engine_options, "ids_per_room": 1}
        return super().make_engine()


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


class _Tells(_Altered):
    """A server whose broadcasts are altered: by :meth:`receivers`."""

    def alter(self, server, namespace):
        self.count = 0
        write = namespace._write

        def altered(sessions, packet, numbered, skip, volatile=False):
            others = [session for session in sessions if session is not skip]
            write(self.receivers(others, packet.text), packet, numbered, skip, volatile)

        namespace._write = altered


class DropsABroadcast(_Tells):
    """Forgets one member of the room in every tenth broadcast of a message."""

    def receivers(self, sessions, text):
        self.count += b'"chat:message"' in text
        return sessions[1:] if b'"chat:message"' in text and self.count % 10 == 0 else sessions


class DropsChanges(_Tells):
    """Tells nobody of every fifth change to a message."""

    def receivers(self, sessions, text):
        is_change = any(event in text for event in (b'"chat:edit"', b'"chat:delete"', b'"chat:reaction"'))
        self.count += is_change
        return [] if is_change and self.count % 5 == 0 else sessions


class LeavesGhosts(_Altered):
    """Tells nobody that a member is gone whose connection died."""

    def alter(self, server, namespace):
        namespace._when_left.clear()


class TellsThePositionBefore(_Altered):
    """Passes each position on when the next one comes, and so an old one last."""

    def alter(self, server, namespace):
        _LateLocations(namespace, server._rooms)


class _LateLocations(LocationEvents):
    def _update(self, session, request, ack_id):
        known = self.__dict__.setdefault("before", {})
        before, known[session.member] = known.get(session.member), request
        if before is None:
            session.acknowledge(ack_id, SharedReply(accepted=len(request.fixes)))
        else:
            super()._update(session, before, ack_id)


class RefusesWhatItStored(MemoryEngine):
    """Stores and delivers every tenth message, and then says that it may not be sent."""

    came = 0

    def append(self, draft, done):
        self.came += 1
        super().append(draft, done if self.came % 10 else lambda appended: done(_forbidden()))


class Refuses(MemoryEngine):
    """Refuses every tenth message, also when it comes again, and does not store it: no promise is broken."""

    def append(self, draft, done):
        refuses = self.__dict__.setdefault("by_id", {})
        key = draft.user_id, draft.message_id
        if draft.event.startswith("chat:") and refuses.setdefault(key, len(refuses) % 10 == 9):
            done(_forbidden())
        else:
            super().append(draft, done)


def _forbidden():
    return NotApplied("forbidden", "not this one")


class SwapsTexts(MemoryEngine):
    """Gives every tenth message the text of the one before it."""

    came = 0
    before = "nothing"

    def append(self, draft, done):
        self.came += 1
        body = msgspec.json.decode(draft.body)
        text, self.before = self.before, body.get("text", "")
        changed = replace(draft, body=msgspec.json.encode({**body, "text": text}))
        super().append(draft if self.came % 10 else changed, done)


class NamesAnother(MemoryEngine):
    """Says of every tenth message that somebody else wrote it."""

    came = 0

    def append(self, draft, done):
        self.came += 1
        body = msgspec.json.decode(draft.body)
        changed = replace(draft, user_id="mallory", body=msgspec.json.encode({**body, "userId": "mallory"}))
        super().append(draft if self.came % 10 else changed, done)
