"""Phones and servers that break a promise of presence, positions, fences or notifications each."""

import asyncio
import itertools

from msgspec.structs import replace

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_state import PresenceState
from realtime.presence.presence_tracker import PresenceTracker
from realtime.server.engine.base import NotApplied
from realtime.server.push.gateway import DELIVERED
from realtime.server.push.push_plan import PushPlan
from realtime.server.push.push_service import PushService
from realtime.server.push.push_store import MemoryStore
from realtime.utils.ambient import wall_time_ms
from realtime.utils.ids import new_id


class _Tracks(SimPhone):
    """A phone with another picture of rooms' members."""

    def make_presence(self):
        state = self.state

        class Tracker(PresenceTracker):
            def _place(self, room_id):
                place = super()._place(room_id)
                place.state.__class__ = state
                return place

        return Tracker(self.socket)


class TracksGhosts(_Tracks):
    """Hears who comes, and not who goes."""

    class state(PresenceState):  # noqa: N801
        def diff(self, diff):
            return super().diff(replace(diff, leaves=()))


class TracksOldNews(_Tracks):
    """Applies the diffs that came before a snapshot once more behind it."""

    class state(PresenceState):  # noqa: N801
        def diff(self, diff):
            self._old = [*getattr(self, "_old", ()), diff][-4:]
            return super().diff(diff)

        def snapshot(self, members, epoch, n):
            events = super().snapshot(members, epoch, n)
            for diff in getattr(self, "_old", ()):
                events += self._apply(diff)
            return events


class ForgetsItsStatus(SimPhone):
    """Tells how it is when it is told so, and not again to a server that does not know it any more."""

    def make_status(self):
        class Sync(OnlineStatusSync):
            def _choice(self):
                return {}

        return Sync(self.socket)


class FollowsOnce(SimPhone):
    """Asks once for those it follows, and not again after a reconnect."""

    def make_status(self):
        class Sync(OnlineStatusSync):
            def _ask(self, user_ids):
                known = self.__dict__.setdefault("asked", set())
                new = [user_id for user_id in user_ids if user_id not in known]
                known.update(new)
                super()._ask(new)

        return Sync(self.socket)


class KeepsWhoStoppedMeanwhile(SimPhone):
    """Leaves on the map who went while it had no connection, or without a word."""

    def make_location(self):
        tracker = super().make_location()
        gone = tracker._gone
        tracker._gone = lambda room_id, user_id, reason: reason == "gone" or gone(room_id, user_id, reason)
        return tracker


class WatchesWhileConnected(SimPhone):
    """Watches fences while it has a connection."""

    def make_fences(self, fences):
        alerts = super().make_fences(fences)
        if alerts is not None:
            feed = alerts.monitor.feed
            alerts.monitor.feed = lambda fix: feed(fix) if self.socket.connected else []
        return alerts


class _Alerts(SimPhone):
    """A phone whose crossings are told in another way."""

    def make_fences(self, fences):
        if not fences:
            return None
        phone, real = self, self._overheard()

        class Socket:
            def __getattr__(self, name):
                return getattr(real, name)

            def emit(self, event, payload, **options):
                return phone.told(real, event, payload, options)

        alerts = GeofenceAlerts(Socket(), fences, room_id=self.fence_room, rng=self.rng("crossings"))
        alerts.follow(self.location)
        return alerts


class TellsCrossingsInPassing(_Alerts):
    """Tells of a crossing as of a position, by what is lost with its connection."""

    def told(self, socket, event, payload, options):
        return socket.emit(event, payload, **options, volatile=True)


class TellsCrossingsTwice(_Alerts):
    """Tells of a crossing again, under another name, when its answer does not come at once."""

    def told(self, socket, event, payload, options):
        receipt = socket.emit(event, payload, **options)

        def again():
            if not receipt.done:
                socket._socket.emit(event, {**payload, "eventId": new_id(self.rng("again"))}, ack=True)

        asyncio.get_running_loop().call_later(2.0, again)
        return receipt


class TellsWhenItTold(_Alerts):
    """Says that a fence was crossed when it says so."""

    def told(self, socket, event, payload, options):
        fix = {**payload["fix"], "timestamp": wall_time_ms()}
        return socket.emit(event, {**payload, "fix": fix}, **options)


class MissesCrossings(SimPhone):
    """Hears of crossings that are told while it is there."""

    def make_chat(self):
        chat = super().make_chat()
        tell, socket, live = chat._events.dispatch, self.socket, set()
        socket.on("geofence:event", lambda entry, *_: live.add(entry["eventId"]))

        def dispatch(event, *args):
            return [] if event == "logged" and args[1]["eventId"] not in live else tell(event, *args)

        chat._events.dispatch = dispatch
        return chat


class KeepsTyping(SimPhone):
    """Shows who typed as typing until a message comes of them."""

    def make_chat(self):
        chat = super().make_chat()
        new_room = chat._new_room

        def made(room_id):
            room = new_room(room_id)
            room._typing.handle_timer = lambda now: []
            room._typing.next_timer = lambda: None
            return room

        chat._new_room = made
        return chat


class ShowsByBothWays(SimPhone):
    """Shows a push though it was shown when it came by the socket."""

    def make_push(self):
        push = super().make_push()
        received = push.received

        def again(payload):
            for name in (payload.get("id"), *payload.get("data", {}).get("messageIds", ())):
                push._seen._ids.pop(name, None)
            return received(payload)

        push.received = again
        return push


class ShowsWhatWaited(SimPhone):
    """Shows what waited for its turn, though the system has shown it meanwhile."""

    def make_in_app(self):
        in_app = super().make_in_app()
        in_app.shown_elsewhere = lambda notification: None
        return in_app


class KeepsWhatWasRead(SimPhone):
    """Does not hear that something was seen to on another device."""

    def make_push(self):
        push = super().make_push()
        push._withdraw = push._see_to = lambda *seen_to: None
        return push


class _Pushes(SimServer):
    """A server with another push service."""

    service = PushService

    def make_push(self):
        push = super().make_push()
        push.__class__ = self.service
        return push


class NeverWithdraws(_Pushes):
    """Leaves on lock screens what was read."""

    class service(PushService):  # noqa: N801
        def _withdraw(self, user_id, push, *, but=None):
            pass


class PushesWhatWasRead(_Pushes):
    """Pushes when the delay is over, whatever was read meanwhile."""

    class service(PushService):  # noqa: N801
        async def start(self, store):
            rooms = await super().start(store)
            self._plan.__class__ = _ReadsLate
            return rooms


class _ReadsLate(PushPlan):
    def _keep(self, *args):
        pass


class _Lossy:
    """A gateway that says that it has delivered every fourth push, and has not."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._count = 0

    def __getattr__(self, name):
        return getattr(self._gateway, name)

    async def send(self, batch):
        outcomes = []
        for parcel in batch:
            self._count += 1
            outcomes += [DELIVERED] if self._count % 4 == 0 else await self._gateway.send([parcel])
        return outcomes


class LosesPushes(SimServer):
    """Does so."""

    def make_push(self):
        return PushService({"local": _Lossy(self.gateway)}, rng=self.rng("push"))


class ForgetsTokens(SimServer):
    """Knows after a restart no device that it could push, and no push that waited."""

    def make_push(self):
        return PushService({"local": self.gateway}, store=MemoryStore(), rng=self.rng("push"))


class ForgetsCrossings(SimServer):
    """Logs a crossing once more that comes again because its answer was lost."""

    def make_server(self):
        engine, rng = self.engine, self.rng("crossings")
        append = engine.append

        def forgetful(draft, done):
            is_crossing = draft.event == "geofence:event"
            append(replace(draft, message_id=new_id(rng)) if is_crossing else draft, done)

        engine.append = forgetful
        return super().make_server()


class RefusesCrossings(SimServer):
    """Refuses every fourth crossing that a phone tells of."""

    def make_server(self):
        append, count = self.engine.append, itertools.count(1)

        def refuse(draft, done):
            is_told = draft.event == "geofence:event" and draft.origin
            if is_told and next(count) % 4 == 0:
                done(NotApplied("forbidden", "not this one"))
            else:
                append(draft, done)

        self.engine.append = refuse
        return super().make_server()


class ForgetsWays(SimServer):
    """Knows after a restart of nobody in which fences they were."""

    def make_server(self):
        server = super().make_server()
        start = server._geofences.start

        async def forget():
            await start()
            server._geofences._kept.clear()

        server._geofences.start = forget
        return server


class KeepsShares(SimServer):
    """Tells nobody that a position is not shared any more."""

    def make_server(self):
        server = super().make_server()
        server._locations._tell_stop = lambda *args, **options: None
        return server
