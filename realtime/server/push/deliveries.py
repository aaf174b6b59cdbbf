"""Pushes on their way to their gateways: tried again, taken back, given up (pure)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from realtime.server.engine.base import Note
from realtime.server.push.gateway import Outcome, Parcel, Push, PushToken, Rejected, TryAgain
from realtime.server.push.push_notes import Clock, made, value
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

    __slots__ = ("attempts", "due", "expires", "is_cancelled", "number", "push", "token")

    def __init__(self, number: int, push: Push, token: PushToken, now: float) -> None:
        self.number = number
        self.push = push
        self.token = token
        self.attempts = 0
        self.due: float | None = now  # None: the gateway has it, or it is not to be sent yet
        self.expires = now + push.ttl_s
        self.is_cancelled = False

    @property
    def parcel(self) -> Parcel:
        """As a gateway takes it."""
        return Parcel(self.push, self.token)


class _Kept(msgspec.Struct, frozen=True):
    """A job, as a note."""

    push: Push
    token: PushToken
    attempts: int
    due_ms: int
    expires_ms: int


class Deliveries:
    """Keeps what is to be delivered. Pure: the caller passes the time.

    Keep what :meth:`changes` returns, and give it to :meth:`restore` of the next process's.

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
        self._jittered = (-1.0, 1.0)  # when, and what it was
        self._base_s, self._cap_s = base_s, cap_s
        self._attempts, self._max_waiting = attempts, max_waiting
        self._max_dead_letters = max_dead_letters
        self._jobs: dict[Job, None] = {}
        self._of_user: dict[str, dict[Job, None]] = {}
        self._dead: dict[int, DeadLetter] = {}
        self._number = 0  # of the newest job or letter
        self._changed: dict[int, Job | None] = {}
        self._changed_letters: dict[int, DeadLetter | None] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """What was given up, oldest first."""
        return tuple(self._dead.values())

    def changes(self, clock: Clock) -> list[Note]:
        """What is to be kept for the next process since the last call."""
        jobs = {number: None if job is None else _kept(job, clock) for number, job in self._changed.items()}
        notes = [made("push.job", number, job) for number, job in jobs.items()]
        notes += [made("push.letter", number, letter) for number, letter in self._changed_letters.items()]
        self._changed, self._changed_letters = {}, {}
        return notes

    def restore(self, jobs: Iterable[Note], letters: Iterable[Note], clock: Clock) -> None:
        """Go on with what was kept; what is too old by now is given up."""
        for note in letters:
            self._dead[int(note.key)] = value(note, DeadLetter)
            self._number = max(self._number, int(note.key))
        for note in jobs:
            kept = value(note, _Kept)
            job = Job(int(note.key), kept.push, kept.token, clock.now)
            job.attempts = kept.attempts
            job.due, job.expires = max(clock.now, clock.time(kept.due_ms)), clock.time(kept.expires_ms)
            self._number = max(self._number, job.number)
            self._add(job)
        for job in [job for job in self._jobs if job.expires <= clock.now]:
            self.give_up(job, f"the server did not run until it was {job.push.ttl_s:g} s old", clock.wall_ms)

    def give_up(self, job: Job, reason: str, wall_ms: int) -> None:
        """It shall not be tried any more, and that is to be reported."""
        self._drop(job)
        self._report(job, reason, wall_ms)

    def jobs(self) -> tuple[Job, ...]:
        """What is not over, oldest first."""
        return tuple(self._jobs)

    def release(self, job: Job, now: float) -> None:
        """What was submitted to be held may go."""
        if job.due is None and not job.attempts:
            job.due = now

    def submit(self, push: Push, token: PushToken, now: float, *, wall_ms: int = 0, is_held: bool = False) -> Job:
        """Deliver a push to a device; one of the same kind that waits for another try makes way.

        Args:
            is_held: not before :meth:`release`.
        """
        if push.collapse_key is not None:
            for job in self._to(token):
                if job.push.collapse_key == push.collapse_key:
                    self._drop(job)
        job = Job(self._next_number(), push, token, now)
        if is_held:
            job.due = None
        self._add(job)
        self._changed[job.number] = job
        if len(self._jobs) > self._max_waiting:
            self.give_up(next(iter(self._jobs)), "too many waited", wall_ms)
        return job

    def cancel(self, user_id: str, push_id: str) -> None:
        """Nobody needs a push any more; one that is with its gateway is not tried again."""
        for job in tuple(self._of_user.get(user_id, ())):
            if job.push.id == push_id and not job.push.withdraws:
                self._drop(job)

    def forget(self, token: PushToken) -> None:
        """A token is not to be used any more."""
        for job in self._to(token):
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
            pause_s = min(self._cap_s, self._base_s * 2 ** (job.attempts - 1)) * self._jitter(now)
            due = now + max(pause_s, outcome.after_s or 0.0)
            if job.attempts < self._attempts and due < job.expires:
                job.due = due
                self._changed[job.number] = job
                return
            was_old = job.attempts < self._attempts
            words = f"until it was {job.push.ttl_s:g} s old" if was_old else f"{job.attempts} times"
            self._report(job, f"{outcome.reason}, {words}", wall_ms)
        elif isinstance(outcome, Rejected):
            self._report(job, outcome.reason, wall_ms)
        self._drop(job)

    def failed_later(self, parcel: Parcel, outcome: Outcome, *, wall_ms: int) -> None:
        """A push service took it, and says now that it could not deliver it."""
        if isinstance(outcome, TryAgain | Rejected):
            self._report(Job(0, parcel.push, parcel.token, 0.0), outcome.reason, wall_ms)

    def _jitter(self, now: float) -> float:
        """The same for what fails at the same time: it is tried again together, in as few requests."""
        if self._rng is None:
            self._rng = new_random()
        if self._jittered[0] != now:
            self._jittered = now, self._rng.uniform(0.5, 1.0)
        return self._jittered[1]

    def _to(self, token: PushToken) -> list[Job]:
        return [job for job in self._of_user.get(token.user_id, ()) if job.token == token]

    def _add(self, job: Job) -> None:
        self._jobs[job] = None
        self._of_user.setdefault(job.token.user_id, {})[job] = None

    def _drop(self, job: Job) -> None:
        job.is_cancelled = True
        if job in self._jobs:
            del self._jobs[job]
            own = self._of_user[job.token.user_id]
            del own[job]
            if not own:
                del self._of_user[job.token.user_id]
            self._changed[job.number] = None

    def _report(self, job: Job, reason: str, wall_ms: int) -> None:
        token, number = job.token, self._next_number()
        letter = DeadLetter(job.push.id, token.user_id, token.device_id, token.platform, reason, job.attempts, wall_ms)
        self._dead[number] = self._changed_letters[number] = letter
        if len(self._dead) > self._max_dead_letters:
            oldest = next(iter(self._dead))
            del self._dead[oldest]
            self._changed_letters[oldest] = None

    def _next_number(self) -> int:
        self._number += 1
        return self._number


def _kept(job: Job, clock: Clock) -> _Kept:
    due = clock.now if job.due is None else job.due
    return _Kept(job.push, job.token, job.attempts, clock.ms(due), clock.ms(job.expires))
