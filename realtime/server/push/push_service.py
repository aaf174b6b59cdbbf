"""Pushes: who gets one, by which push service, as often as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from itertools import groupby
from typing import Any

from realtime.server.push.deliveries import DeadLetter, Deliveries, Job
from realtime.server.push.gateway import Gateway, Gone, Outcome, PlatformName, Push, PushToken, TryAgain
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_directory import PushDirectory, PushStore
from realtime.server.push.push_plan import Due, News, PushPlan
from realtime.utils.alarm import Alarm
from realtime.utils.ambient import wall_time_ms

_log = logging.getLogger("realtime.push")

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
            "url": f"room/{due.room_id}",
            "messageIds": [each.message_id for each in due.news],
            "count": due.count,
            "offset": newest.offset,
            "userId": newest.author,
        },
        room_id=due.room_id,
        collapse_key=f"room:{due.room_id}",
        is_urgent=due.is_urgent,
    )


class PushService:
    """Pushes to devices that nobody is looking at. Call it on the server's loop, and :meth:`stop` it in the end.

    Who has no active device in a room gets a push for what is said there, after a short delay, unless it is read
    elsewhere meanwhile; one that is read later is withdrawn, where the push service can.

    Args:
        gateways: the push services, by platform; by default a :class:`LocalGateway`, as ``local``.
        store: tokens and who wants to hear of what; in memory by default.
        delay_s: from a message to its push.
        compose: makes a push of messages; another one may keep their text from the push services.
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
        self._store: PushStore = PushDirectory() if store is None else store
        self._compose = compose
        self._plan = PushPlan(delay_s=delay_s)
        self._deliveries = Deliveries(rng=rng, attempts=attempts)
        self._alarm = Alarm(self._ring)
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: set[PlatformName] = set()  # whose service is being asked what became of pushes

    def __repr__(self) -> str:
        counts = f"planned={len(self._plan)} on_the_way={len(self._deliveries)} dead_letters={len(self.dead_letters)}"
        return f"<PushService {','.join(self.gateways)} {counts}>"

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The pushes that were given up, and why: ``pandas.DataFrame(service.dead_letters)`` is the report."""
        return self._deliveries.dead_letters

    # --- devices

    def register(self, user_id: str, device_id: str, platform: PlatformName, token: str) -> str | None:
        """Note a device's token, in place of its old one; returns what is wrong with it, or None."""
        gateway = self.gateways.get(platform)
        if gateway is None:
            return f"this server sends no {platform} pushes; it knows {', '.join(self.gateways) or 'none at all'}"
        if (problem := gateway.check(token)) is not None:
            return problem
        for replaced in self._store.put(PushToken(user_id, device_id, platform, token)):
            self._deliveries.forget(replaced)
        return None

    def unregister(self, user_id: str, token: str) -> None:
        """A device does not want to be pushed any more; harmless if it is not known, or another user's."""
        if any(each.token == token for each in self._store.tokens(user_id)):
            self._remove(token)

    def subscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """A device is in a room, and wants to hear of it also when it is away."""
        self._store.subscribe(room_id, user_id, device_id)

    def unsubscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """It has left."""
        self._store.unsubscribe(room_id, user_id, device_id)
        if not self._store.tokens(user_id, room_id):
            self._plan.left(user_id, room_id)
            self._arm()

    # --- what happens

    def logged(self, room_id: str, news: News) -> None:
        """A chat message was logged."""
        users = self._store.users(room_id)
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
            self._withdraw(user_id, Push(id=push_id, room_id=room_id, withdraws=True))

    def away(self, user_id: str, room_id: str) -> None:
        """A user may not be looking at a room any more."""
        self._plan.away(user_id, room_id, _now())
        self._arm()

    def opened(self, user_id: str, push_id: str, *, but: str | None = None) -> None:
        """A user has seen to a push on the device ``but``: it is taken off the others."""
        self._withdraw(user_id, Push(id=push_id, withdraws=True), but=but)

    def push(self, user_id: str, push: Push, *, room_id: str | None = None, but: str | None = None) -> None:
        """Push to a user's devices at once: to all, or to those that want to hear of a room; not to ``but``."""
        now, wall_ms = _now(), wall_time_ms()
        for token in self._store.tokens(user_id, room_id):
            if token.device_id != but and (self.gateways[token.platform].can_withdraw or not push.withdraws):
                self._deliveries.submit(push, token, now, wall_ms=wall_ms)
        self._arm()

    async def stop(self) -> None:
        """Send nothing more; what is on its way is lost."""
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

    def _remove(self, token: str) -> None:
        if (removed := self._store.remove(token)) is not None:
            self._deliveries.forget(removed)

    def _ring(self, now: float) -> None:
        for due in self._plan.handle_timer(now, self.looking):
            self.push(due.user_id, self._compose(due), room_id=due.room_id)
        jobs = sorted(self._deliveries.take(now), key=lambda job: job.token.platform)
        for platform, group in groupby(jobs, key=lambda job: job.token.platform):
            gateway, batch = self.gateways[platform], list(group)
            for start in range(0, len(batch), gateway.max_batch):
                self._start(self._send(gateway, batch[start : start + gateway.max_batch]))
        for platform, gateway in self.gateways.items():
            due_at = gateway.follow_up_at()
            if due_at is not None and due_at <= now and platform not in self._asking:
                self._asking.add(platform)
                self._start(self._follow_up(platform, gateway))
        self._arm()

    async def _send(self, gateway: Gateway, jobs: Sequence[Job]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = await gateway.send([job.parcel for job in jobs])
        except Exception as error:
            _log.warning("a push service failed, and is tried again: %s", type(error).__name__)
            outcomes = [TryAgain(type(error).__name__)] * len(jobs)
        now, wall_ms = _now(), wall_time_ms()
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._deliveries.done(job, outcome, now, wall_ms=wall_ms)
            if isinstance(outcome, Gone):
                self._remove(job.token.token)
        self._arm()

    async def _follow_up(self, platform: PlatformName, gateway: Gateway) -> None:
        try:
            failed = await gateway.follow_up()
        finally:
            self._asking.discard(platform)
        for parcel, outcome in failed:
            if isinstance(outcome, Gone):
                self._remove(parcel.token.token)
            else:
                self._deliveries.failed_later(parcel, outcome, wall_ms=wall_time_ms())
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
        asked = [at for name, each in self.gateways.items() if name not in self._asking and (at := each.follow_up_at())]
        dues = [self._plan.next_timer(), self._deliveries.next_timer(), *asked]
        self._alarm.set(min((due for due in dues if due is not None), default=None))


def _now() -> float:
    return asyncio.get_running_loop().time()
