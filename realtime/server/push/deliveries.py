"""Pushes on their way to their gateways: tried again, taken back, given up (pure)."""

from __future__ import annotations

import random
from collections import deque
from typing import NamedTuple

from realtime.server.push.gateway import Outcome, Parcel, Push, PushToken, Rejected, TryAgain
from realtime.utils.ambient import new_random


class DeadLetter(NamedTuple):
    """A push that was given up, without its text and its token."""

    push_id: str
    user_id: str
    device_id: str
    platform: str
    reason: str
    attempts: int
    timestamp_ms: int


class Job:
    """One push to one device, until it is over."""

    __slots__ = ("attempts", "due", "expires", "is_cancelled", "push", "token")

    def __init__(self, push: Push, token: PushToken, now: float) -> None:
        self.push = push
        self.token = token
        self.attempts = 0
        self.due: float | None = now  # None: the gateway has it
        self.expires = now + push.ttl_s
        self.is_cancelled = False

    @property
    def parcel(self) -> Parcel:
        """As a gateway takes it."""
        return Parcel(self.push, self.token)


class Deliveries:
    """Keeps what is to be delivered. Pure: the caller passes the time.

    At :meth:`next_timer` call :meth:`take`, hand the jobs to their gateways, and say :meth:`done` of each.

    Args:
        rng: of the jitter; by default one is made when the first push fails.
        base_s: the first pause, of which half to all is waited; each is twice as long.
        cap_s: no pause is longer, unless the push service asks for it.
        attempts: so many are made.
        max_waiting: beyond, the oldest is given up.
        max_dead_letters: how many are kept for the report.
    """

    def __init__(
        self,
        *,
        rng: random.Random | None = None,
        base_s: float = 1.0,
        cap_s: float = 300.0,
        attempts: int = 8,
        max_waiting: int = 10_000,
        max_dead_letters: int = 1000,
    ) -> None:
        self._rng = rng
        self._base_s, self._cap_s = base_s, cap_s
        self._attempts, self._max_waiting = attempts, max_waiting
        self._jobs: dict[Job, None] = {}
        self._dead: deque[DeadLetter] = deque(maxlen=max_dead_letters)

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """What was given up, oldest first."""
        return tuple(self._dead)

    def submit(self, push: Push, token: PushToken, now: float, *, wall_ms: int = 0) -> None:
        """Deliver a push to a device; one of the same kind that waits for another try makes way."""
        if push.collapse_key is not None:
            for job in [job for job in self._jobs if job.token == token and job.push.collapse_key == push.collapse_key]:
                self._drop(job)
        self._jobs[Job(push, token, now)] = None
        if len(self._jobs) > self._max_waiting:
            oldest = next(iter(self._jobs))
            self._drop(oldest)
            self._give_up(oldest, "too many waited", wall_ms)

    def cancel(self, user_id: str, push_id: str) -> None:
        """Nobody needs a push any more; one that is with its gateway is not tried again."""
        for job in [job for job in self._jobs if job.token.user_id == user_id and job.push.id == push_id]:
            if not job.push.withdraws:
                self._drop(job)

    def forget(self, token: PushToken) -> None:
        """A token is not to be used any more."""
        for job in [job for job in self._jobs if job.token == token]:
            self._drop(job)

    def next_timer(self) -> float | None:
        """When to call :meth:`take`; None: nothing waits."""
        return min((job.due for job in self._jobs if job.due is not None), default=None)

    def take(self, now: float) -> list[Job]:
        """What is to be handed over now."""
        jobs = [job for job in self._jobs if job.due is not None and job.due <= now]
        for job in jobs:
            job.due = None
            job.attempts += 1
        return jobs

    def done(self, job: Job, outcome: Outcome, now: float, *, wall_ms: int) -> None:
        """A gateway has answered."""
        if job.is_cancelled:
            return
        if isinstance(outcome, TryAgain):
            pause_s = min(self._cap_s, self._base_s * 2 ** (job.attempts - 1)) * self._jitter()
            due = now + max(pause_s, outcome.after_s or 0.0)
            if job.attempts < self._attempts and due < job.expires:
                job.due = due
                return
            was_old = job.attempts < self._attempts
            words = f"until it was {job.push.ttl_s:g} s old" if was_old else f"{job.attempts} times"
            self._give_up(job, f"{outcome.reason}, {words}", wall_ms)
        elif isinstance(outcome, Rejected):
            self._give_up(job, outcome.reason, wall_ms)
        self._drop(job)

    def failed_later(self, parcel: Parcel, outcome: Outcome, *, wall_ms: int) -> None:
        """A push service took it, and says now that it could not deliver it."""
        if isinstance(outcome, TryAgain | Rejected):
            self._give_up(Job(parcel.push, parcel.token, 0.0), outcome.reason, wall_ms)

    def _jitter(self) -> float:
        if self._rng is None:
            self._rng = new_random()
        return self._rng.uniform(0.5, 1.0)

    def _drop(self, job: Job) -> None:
        job.is_cancelled = True
        self._jobs.pop(job, None)

    def _give_up(self, job: Job, reason: str, wall_ms: int) -> None:
        token = job.token
        self._dead.append(
            DeadLetter(job.push.id, token.user_id, token.device_id, token.platform, reason, job.attempts, wall_ms)
        )
