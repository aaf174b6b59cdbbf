"""Pushes: who gets one, by which push service, as often as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any
from urllib.parse import quote

from realtime.server.engine.base import Marker
from realtime.server.push.deliveries import DeadLetter, Deliveries, Job
from realtime.server.push.gateway import Delivered, Gateway, Gone, Outcome, PlatformName, Push, PushToken, TryAgain
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_directory import PushDirectory
from realtime.server.push.push_notes import Clock
from realtime.server.push.push_plan import Due, News, PushPlan
from realtime.server.push.push_store import MemoryStore, PushStore
from realtime.server.push.tickets import Tickets
from realtime.utils.alarm import Alarm
from realtime.utils.ambient import wall_time_ms

_log = logging.getLogger("realtime.push")

TTL_S = 86_400.0
"""A message that is older when the server is back is not pushed."""

PREVIEW = 200
"""Characters of a message that a push shows: more than a lock screen has room for."""


def room_push(due: Due) -> Push:
    """The push for chat messages: the newest one's text, and what the app needs to know it by."""
    newest = due.news[-1]
    text = newest.text if len(newest.text) <= PREVIEW else newest.text[: PREVIEW - 1] + "…"
    return Push(
        id=newest.message_id,
        title=newest.author,
        body=text,
        data={
            "url": f"room/{quote(due.room_id, safe='')}",
            "messageIds": [each.message_id for each in due.news],
            "count": due.count,
            "offset": newest.offset,
            "timestamp": newest.timestamp_ms,
            "userId": newest.author,
        },
        room_id=due.room_id,
        collapse_key=f"room:{due.room_id}",
        is_urgent=due.is_urgent,
    )


def _nothing() -> None:
    pass


class PushService:
    """Pushes to devices that nobody is looking at. Call it on the server's loop, and :meth:`stop` it in the end.

    Who has no active device in a room gets a push for what is said there, after a short delay, unless it is read
    elsewhere meanwhile; one that is read later is withdrawn, where the push service can.

    What a crash of the server must not lose is in a store before anything is sent: tokens, who wants to hear of what,
    pushes that are not over, receipts to be asked for, the report. A push is sent at least once: one that was sent when
    the server crashed, and not noted as sent yet, is sent again with the same ``id``, by which the app shows it once.

    Args:
        gateways: the push services, by platform; by default a :class:`LocalGateway`, as ``local``.
        store: what is to outlive the server; by default its engine, for as long as that keeps anything.
        delay_s: from a message to its push.
        compose: makes a push of messages; another one may keep their text from the push services. Where it fails, that
            is logged, and there is no push.
        rng: of the jitter.
        attempts: tries of one push.

    Attributes:
        looking: tells the users who are looking at a room; the server sets it.
    """

    def __init__(
        self,
        gateways: Mapping[PlatformName, Gateway] | None = None,
        *,
        store: PushStore | None = None,
        delay_s: float = 3.0,
        compose: Callable[[Due], Push] = room_push,
        rng: random.Random | None = None,
        attempts: int = 8,
    ) -> None:
        self.gateways: dict[PlatformName, Gateway] = {"local": LocalGateway()} if gateways is None else dict(gateways)
        self.looking: Callable[[str], Collection[str]] = lambda room_id: ()
        self._given, self._store = store, MemoryStore() if store is None else store
        self._compose = compose
        self._delay_s, self._rng, self._attempts = delay_s, rng, attempts
        self._alarm = Alarm(self._ring)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_held = False
        self._up_to: dict[tuple[str, str], int] = {}
        self._begin()

    def _begin(self) -> None:
        self._directory = PushDirectory()
        self._plan = PushPlan(delay_s=self._delay_s)
        self._deliveries = Deliveries(rng=self._rng, attempts=self._attempts)
        self._tickets = Tickets()

    def __repr__(self) -> str:
        counts = f"planned={len(self._plan)} on_the_way={len(self._deliveries)} dead_letters={len(self.dead_letters)}"
        return f"<PushService {','.join(self.gateways)} {counts}>"

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The pushes that were given up, and why: ``pandas.DataFrame(service.dead_letters)`` is the report."""
        return self._deliveries.dead_letters

    # --- the server's start

    async def start(self, store: PushStore) -> tuple[str, ...]:
        """Go on with what was kept, sending nothing before :meth:`resume`.

        Args:
            store: of the server, unless this service was given one.

        Returns:
            Rooms whose logs you must look into, for messages that were not pushed yet: tell :meth:`missed` of each.

        Raises:
            EngineError: the store cannot be read.
        """
        self._store = store if self._given is None else self._given
        self._begin()
        self._is_held = True
        kept = await self._store.load()
        clock = _clock()
        self._directory.restore(kept["push.token"], kept["push.room"])
        self._up_to = self._plan.restore(kept["push.up_to"])
        self._deliveries.restore(kept["push.job"], kept["push.letter"], clock)
        self._tickets.restore(kept["push.ticket"], clock)
        for job in self._deliveries.jobs():
            if job.token.platform not in self.gateways:
                reason = f"this server sends no {job.token.platform} pushes any more"
                self._deliveries.give_up(job, reason, clock.wall_ms)
        self._save()
        return self._directory.rooms()

    def missed(self, room_id: str, logged: Iterable[tuple[News, int]], markers: Iterable[Marker]) -> None:
        """What a room's log has of the time before the start.

        Args:
            logged: its newest messages, in their order, with their times in ms since the Unix epoch.
            markers: how far its users have received and read.
        """
        now, wall_ms = _now(), wall_time_ms()
        since = self._directory.since(room_id)
        up_to = {user_id: self._up_to.get((user_id, room_id), 0) for user_id in since}
        known = {marker.user_id: marker for marker in markers}
        for user_id, marker in known.items():
            up_to[user_id] = max(up_to.get(user_id, 0), marker.read)
        for news, logged_ms in logged:
            if wall_ms - logged_ms < 1000 * TTL_S:
                users = [
                    user_id
                    for user_id, since_ms in since.items()
                    if user_id != news.author and since_ms <= logged_ms and up_to[user_id] < news.offset
                ]
                self._plan.logged(room_id, news, users, now)
        for user_id, marker in known.items():
            self.received(user_id, room_id, marker.received)
            self.read(user_id, room_id, marker.read)

    def resume(self) -> None:
        """All rooms were looked into: begin to send."""
        self._is_held = False
        self._up_to = {}
        self._arm()

    # --- devices

    def register(
        self,
        user_id: str,
        device_id: str,
        platform: PlatformName,
        token: str,
        *,
        rooms: Iterable[str] = (),
        done: Callable[[], None] = _nothing,
    ) -> str | None:
        """Note a device's token, in place of its old one; returns what is wrong with it, or None.

        Args:
            rooms: in which the device is.
            done: called once this is durable.
        """
        gateway = self.gateways.get(platform)
        if gateway is None:
            return f"this server sends no {platform} pushes; it knows {', '.join(self.gateways) or 'none at all'}"
        if (problem := gateway.check(token)) is not None:
            return problem
        for replaced in self._directory.put(PushToken(user_id, device_id, platform, token)):
            self._deliveries.forget(replaced)
        for room_id in rooms:
            self._directory.subscribe(room_id, user_id, device_id, since_ms=wall_time_ms())
        self._save(done)
        return None

    def unregister(self, user_id: str, token: str, *, done: Callable[[], None] = _nothing) -> None:
        """A device does not want to be pushed any more; harmless if it is not known, or another user's."""
        if any(each.token == token for each in self._directory.tokens(user_id)):
            self._remove(token)
        self._save(done)

    def subscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """A device is in a room, and wants to hear of it also when it is away."""
        self._directory.subscribe(room_id, user_id, device_id, since_ms=wall_time_ms())
        self._save()

    def unsubscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """It has left."""
        if not self._directory.unsubscribe(room_id, user_id, device_id):
            return
        if not self._directory.tokens(user_id, room_id):
            self._plan.left(user_id, room_id)
        self._save()
        self._arm()

    # --- what happens

    def is_heard(self, room_id: str) -> bool:
        """Whether anybody wants to hear of a room."""
        return self._directory.is_heard(room_id)

    def logged(self, room_id: str, news: News) -> None:
        """A chat message was logged."""
        users = self._directory.users(room_id)
        users.discard(news.author)
        if users:
            self._plan.logged(room_id, news, users, _now())
            self._arm()

    def deleted(self, room_id: str, message_id: str) -> None:
        """Its author took a message back."""
        self._plan.deleted(room_id, message_id)

    def received(self, user_id: str, room_id: str, up_to: int) -> None:
        """One of a user's devices has got so far."""
        self._plan.received(user_id, room_id, up_to)

    def read(self, user_id: str, room_id: str, up_to: int) -> None:
        """A user has read so far."""
        if (push_id := self._plan.read(user_id, room_id, up_to)) is not None:
            self._withdraw(user_id, Push(id=push_id, room_id=room_id, data={"offset": up_to}, withdraws=True))

    def away(self, user_id: str, room_id: str) -> None:
        """A user may not be looking at a room any more."""
        self._plan.away(user_id, room_id, _now())
        self._arm()

    def opened(self, user_id: str, push_id: str, *, but: str | None = None) -> None:
        """A user has seen to a push on the device ``but``: it is taken off the others."""
        self._withdraw(user_id, Push(id=push_id, withdraws=True), but=but)

    def push(self, user_id: str, push: Push, *, room_id: str | None = None, but: str | None = None) -> None:
        """Push to a user's devices at once: to all, or to those that want to hear of a room; not to ``but``.

        Raises:
            ValueError: it cannot be sent as JSON.
        """
        jobs = self._submit(user_id, push.checked(), room_id=room_id, but=but)
        self._save(partial(self._noted, jobs))

    async def stop(self) -> None:
        """Send nothing more; what is on its way is sent again after the next start, if the store keeps it."""
        self._store.close()
        self._is_held = True
        if self._alarm.due is not None:
            self._alarm.set(None)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for gateway in self.gateways.values():
            await gateway.close()

    # --- inside

    def _withdraw(self, user_id: str, push: Push, *, but: str | None = None) -> None:
        self._deliveries.cancel(user_id, push.id)
        self.push(user_id, push, but=but)

    def _submit(self, user_id: str, push: Push, *, room_id: str | None = None, but: str | None = None) -> list[Job]:
        """Ready to be sent, once that is noted."""
        now, wall_ms = _now(), wall_time_ms()
        jobs: list[Job] = []
        for token in self._directory.tokens(user_id, room_id):
            gateway = self.gateways.get(token.platform)
            if token.device_id != but and gateway is not None and (gateway.can_withdraw or not push.withdraws):
                jobs.append(self._deliveries.submit(push, token, now, wall_ms=wall_ms, is_held=True))
        return jobs

    def _noted(self, jobs: Sequence[Job]) -> None:
        now = _now()
        for job in jobs:
            self._deliveries.release(job, now)
        self._arm()

    def _save(self, done: Callable[[], None] = _nothing) -> None:
        """Keep what has changed; ``done`` is called once that is durable."""
        clock = _clock()
        parts = (self._deliveries.changes(clock), self._tickets.changes(clock))
        notes = [*self._directory.changes(), *self._plan.changes(), *parts[0], *parts[1]]
        if notes:
            self._store.keep(notes, done)
        else:
            done()

    def _remove(self, token: str) -> None:
        if (removed := self._directory.remove(token)) is not None:
            self._deliveries.forget(removed)

    def _ring(self, now: float) -> None:
        if self._is_held:
            return
        jobs = [job for due in self._plan.handle_timer(now, self.looking) for job in self._of(due)]
        self._save(partial(self._noted, jobs))
        self._hand_over(now)
        self._ask(now)
        self._arm()

    def _of(self, due: Due) -> list[Job]:
        try:
            push = self._compose(due).checked()
        except Exception:
            _log.exception(
                "compose made no push for the room %r, and nobody is pushed what was said there", due.room_id
            )
            return []
        return self._submit(due.user_id, push, room_id=due.room_id)

    def _hand_over(self, now: float) -> None:
        jobs = sorted(self._deliveries.take(now), key=lambda job: job.token.platform)
        for platform, group in groupby(jobs, key=lambda job: job.token.platform):
            gateway, batch = self.gateways[platform], list(group)
            for start in range(0, len(batch), gateway.max_batch):
                self._start(self._send(gateway, batch[start : start + gateway.max_batch]))

    def _ask(self, now: float) -> None:
        for platform, gateway in self.gateways.items():
            while tickets := self._tickets.take(platform, now, gateway.max_receipts):
                self._start(self._follow_up(gateway, tickets))

    async def _send(self, gateway: Gateway, jobs: Sequence[Job]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = await gateway.send([job.parcel for job in jobs])
            if len(outcomes) != len(jobs):
                raise ValueError(f"{len(outcomes)} outcomes for {len(jobs)} pushes")
        except Exception as error:
            _log.warning("a push service failed, and is tried again: %s", type(error).__name__)
            outcomes = [TryAgain(type(error).__name__)] * len(jobs)
        now, wall_ms = _now(), wall_time_ms()
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._deliveries.done(job, outcome, now, wall_ms=wall_ms)
            if isinstance(outcome, Gone):
                self._remove(job.token.token)
            elif isinstance(outcome, Delivered) and outcome.ticket is not None:
                self._tickets.add(outcome.ticket, job.parcel, now + gateway.receipts_after_s)
        self._save()
        self._arm()

    async def _follow_up(self, gateway: Gateway, tickets: Sequence[str]) -> None:
        receipts: Mapping[str, Outcome] = {}
        try:
            receipts = await gateway.receipts(tickets)
        except Exception as error:
            _log.warning("a push service could not be asked, and is asked again: %s", type(error).__name__)
        for parcel, outcome in self._tickets.done(tickets, receipts, _now() + gateway.receipts_after_s):
            if isinstance(outcome, Gone):
                self._remove(parcel.token.token)
            else:
                self._deliveries.failed_later(parcel, outcome, wall_ms=wall_time_ms())
        self._save()
        self._arm()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a push service could not be asked", exc_info=error)

    def _arm(self) -> None:
        if self._is_held:
            return
        dues = (self._plan.next_timer(), self._deliveries.next_timer(), self._tickets.next_timer())
        self._alarm.set(min((due for due in dues if due is not None), default=None))


def _clock() -> Clock:
    return Clock(_now(), wall_time_ms())


def _now() -> float:
    return asyncio.get_running_loop().time()
