"""Does everybody show who is there, and where? Presence and positions of a history, judged against the truth.

The truth is what the world knows: :meth:`~realtime.sim.history.History.reachable`, and who was killed. An observer is
judged only while its process lives and packets reach it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from realtime.sim.history import (
    History,
    Joined,
    Killed,
    PositionAcked,
    PositionEnded,
    PositionGone,
    PositionShown,
    Reachable,
    Record,
    Shown,
    Typed,
    TypingShown,
)
from realtime.sim.report import Violation, at, in_time


def late_detection(
    history: History, *, offline_within_s: float | None, online_within_s: float | None, looked_every_s: float = 0.0
) -> list[Violation]:
    """A device shown as online so long after it could not be reached any more, or as offline after it could again.

    Args:
        history: with :meth:`~realtime.sim.history.History.shown` at every change of what is shown.
        offline_within_s: the first bound; None: not judged. It counts from the moment since which the subject cannot
            be reached and the observer can.
        online_within_s: the second. It counts from the moment since which both can be reached, or from which on the
            subject is shown as offline, if that is later: a connection may end though packets pass.
        looked_every_s: how long after something came true the history may note it: who is shown as online for no
            longer than this before is shown rightly.
    """
    watch = _Watch(offline_within_s, online_within_s, looked_every_s)
    watch.follow(history.records)
    return in_time(watch.violations)


def detection_latencies(history: History) -> dict[str, list[float]]:
    """After how many seconds observers showed the truth: ``offline`` and ``online``, one for each change shown."""
    watch = _Watch(None, None)
    watch.follow(history.records)
    return watch.latencies_s


def stale(history: History) -> list[Violation]:
    """The final presence is not the truth, or the final position is older than the newest acked one, or one went back.

    An observer of presence has to show every subject that it ever showed, or that is in a room with it. One of
    positions, every subject that it ever showed and that the server heard of since the observer joined.
    """
    watch = _Watch(None, None)
    watch.follow(history.records)
    return [*_stale_presence(watch), *_stale_positions(history, watch)]


def late_typing(history: History, *, within_s: float) -> list[Violation]:
    """A user who is shown as typing so long after the last key, or after that began to show if this was later."""
    found: list[Violation] = []
    since_s: dict[tuple[str, str, str], float] = {}  # of those who are shown as typing: the last reason
    end_s = history.records[-1].t_s if history.records else 0.0

    def judge(observer: str, user: str, room: str, now_s: float) -> None:
        shown_s = since_s.pop((observer, user, room), now_s)
        if now_s > shown_s + within_s:
            text = f"{observer} showed {user} as typing in {room} until {at(now_s)}, and nothing was typed or heard"
            found.append(Violation("late detection", f"{text} since {at(shown_s)}", shown_s + within_s))

    for record in history.records:
        if isinstance(record, Typed):
            for seen in [seen for seen in since_s if seen[1:] == (record.user, record.room)]:
                judge(*seen, record.t_s)
                since_s[seen] = record.t_s
        elif isinstance(record, TypingShown):
            seen = record.observer, record.user, record.room
            judge(*seen, record.t_s)
            if record.is_typing:
                since_s[seen] = record.t_s
        elif isinstance(record, Killed):
            since_s = {seen: shown_s for seen, shown_s in since_s.items() if seen[0] != record.device}
    for seen in tuple(since_s):
        judge(*seen, end_s)
    return in_time(found)


def position_latencies(history: History) -> list[float]:
    """Seconds from the ack of a fix until an observer showed it: 0 where it was shown before."""
    acked_s: dict[tuple[str, int], float] = {}
    shown_s: dict[tuple[str, str, int], float] = {}
    for record in history.records:
        if isinstance(record, PositionAcked):
            acked_s.setdefault((record.subject, record.timestamp_ms), record.t_s)
        elif isinstance(record, PositionShown):
            shown_s.setdefault((record.observer, record.subject, record.timestamp_ms), record.t_s)
    fixes = (((subject, at_ms), t_s) for (_, subject, at_ms), t_s in shown_s.items())
    return [max(0.0, t_s - acked_s[fix]) for fix, t_s in fixes if fix in acked_s]


@dataclass(slots=True)
class _Pair:
    """What an observer shows of a subject.

    Args:
        is_shown: as online; None: the process that showed something is dead.
        shown_s: since when it shows that.
        since_s: how long subject and observer have been as reachable as they are.
        judged_s: up to when it was looked at.
        is_told: whether what it shows was found to be late.
    """

    observer: str
    subject: str
    is_shown: bool | None
    shown_s: float
    since_s: float
    judged_s: float
    is_told: bool = False


class _Watch:
    """Follows a history, and knows at each moment who can be reached and what is shown."""

    def __init__(
        self, offline_within_s: float | None, online_within_s: float | None, looked_every_s: float = 0.0
    ) -> None:
        self.violations: list[Violation] = []
        self.latencies_s: dict[str, list[float]] = {"offline": [], "online": []}
        self.pairs: dict[tuple[str, str], _Pair] = {}
        self.rooms: dict[str, set[str]] = {}  # of the living
        self.joined: dict[str, int] = {}  # the place in the history where each of them first joined a room
        self.dead: set[str] = set()
        self.end_s = 0.0
        self._bounds = {False: offline_within_s, True: online_within_s}
        self._looked_every_s = looked_every_s
        self._reach: dict[str, tuple[bool, float]] = {}  # and since when
        self._about: dict[str, list[_Pair]] = {}

    def is_reachable(self, device: str) -> bool | None:
        """Whether packets pass; None: the history does not say."""
        found = self._reach.get(device)
        return None if found is None else found[0]

    def since(self, device: str) -> float:
        """Since when it has been so."""
        return self._reach[device][1] if device in self._reach else 0.0

    def can_know(self, observer: str) -> bool:
        """Whether an observer lives and has a network, as far as the history says."""
        return observer not in self.dead and self.is_reachable(observer) is not False

    def follow(self, records: Iterable[Record]) -> None:
        """Follow the history to its end."""
        for number, record in enumerate(records):
            self.end_s = record.t_s
            match record:
                case Reachable():
                    self._reached(record.subject, record.is_reachable, record.t_s)
                case Shown():
                    self._shown(record)
                case Killed():
                    self._killed(record)
                case Joined():
                    self._joined(number, record)
        for pair in self.pairs.values():
            self._judge(pair, self.end_s)

    def _joined(self, number: int, record: Joined) -> None:
        if record.receiver in self.dead:
            self.dead.discard(record.receiver)
            self._reached(record.receiver, True, record.t_s)
        self.rooms.setdefault(record.receiver, set()).add(record.room)
        self.joined.setdefault(record.receiver, number)

    def _killed(self, record: Killed) -> None:
        self._reached(record.device, False, record.t_s)
        self.dead.add(record.device)
        self.rooms.pop(record.device, None)
        self.joined.pop(record.device, None)
        for pair in self._about.get(record.device, ()):
            if pair.observer == record.device:
                pair.is_shown = None

    def _reached(self, device: str, is_reachable: bool, now_s: float) -> None:
        if self.is_reachable(device) == is_reachable:
            return
        for pair in self._about.get(device, ()):
            self._judge(pair, now_s)
            pair.since_s, pair.is_told = now_s, False
        self._reach[device] = (is_reachable, now_s)

    def _shown(self, record: Shown) -> None:
        observer, subject, now_s = record.observer, record.subject, record.t_s
        pair = self.pairs.get((observer, subject))
        if pair is None:
            since_s = max(self.since(observer), self.since(subject))
            pair = self.pairs[observer, subject] = _Pair(observer, subject, None, now_s, since_s, now_s)
            for device in dict.fromkeys((observer, subject)):
                self._about.setdefault(device, []).append(pair)
        self._judge(pair, now_s)
        is_change = pair.is_shown is not None and pair.is_shown != record.is_online
        if is_change and record.is_online == self.is_reachable(subject) and self.can_know(observer):
            self.latencies_s["online" if record.is_online else "offline"].append(now_s - pair.since_s)
        if pair.is_shown != record.is_online:
            pair.is_shown, pair.shown_s, pair.is_told = record.is_online, now_s, False

    def _judge(self, pair: _Pair, now_s: float) -> None:
        """Nothing changed for this pair since it was judged last: was it right all the while?"""
        begin_s, pair.judged_s = pair.judged_s, now_s
        truth = self.is_reachable(pair.subject)
        if pair.is_shown is None or truth is None or pair.is_shown == truth or not self.can_know(pair.observer):
            return
        bound_s = self._bounds[truth]
        if bound_s is None or pair.is_told:
            return
        if truth:
            deadline_s = max(pair.since_s, pair.shown_s) + bound_s
        else:
            deadline_s = max(pair.since_s + bound_s, pair.shown_s + self._looked_every_s)
        if now_s <= deadline_s:
            return
        pair.is_told = True
        late_s = max(begin_s, deadline_s)
        text = f"{pair.observer} still shows {pair.subject} as {_word(pair.is_shown)} at {at(late_s)}; "
        self.violations.append(Violation("late detection", text + _fact(self, pair.subject), late_s))


def _stale_presence(watch: _Watch) -> Iterator[Violation]:
    shown = {key: pair.is_shown for key, pair in watch.pairs.items() if pair.is_shown is not None}
    subjects = dict.fromkeys(subject for _, subject in watch.pairs)
    for observer in dict.fromkeys(observer for observer, _ in shown):
        if not watch.can_know(observer):
            continue
        for subject in subjects:
            truth = watch.is_reachable(subject)
            are_together = bool(watch.rooms.get(observer, set()) & watch.rooms.get(subject, set()))
            has_to = (observer, subject) in shown or (are_together and subject != observer)
            is_shown = shown.get((observer, subject), False)
            if truth is not None and has_to and is_shown != truth:
                text = f"in the end {observer} shows {subject} as {_word(is_shown)}, and {_fact(watch, subject)}"
                yield Violation("stale", text, watch.end_s)


def _stale_positions(history: History, watch: _Watch) -> Iterator[Violation]:
    newest: dict[str, tuple[int, int]] = {}  # of who shares: time of the fix, and place of its ack in the history
    ended: dict[str, int] = {}
    last: dict[tuple[str, str], int] = {}
    alive: dict[tuple[str, str], int] = {}  # as last, of processes that live
    for number, record in enumerate(history.records):
        if isinstance(record, PositionEnded):
            ended[record.subject] = record.timestamp_ms
            newest.pop(record.subject, None)
        elif isinstance(record, PositionAcked) and record.timestamp_ms > ended.get(record.subject, -1):
            newest[record.subject] = max(newest.get(record.subject, (-1, -1)), (record.timestamp_ms, number))
        elif isinstance(record, Killed):
            alive = {pair: shown_ms for pair, shown_ms in alive.items() if pair[0] != record.device}
        elif isinstance(record, PositionGone):
            last.pop((record.observer, record.subject), None)
        elif isinstance(record, PositionShown):
            pair = record.observer, record.subject
            if record.timestamp_ms < alive.get(pair, 0):
                yield _step_back(record, alive[pair])
            last[pair] = alive[pair] = record.timestamp_ms
    for (observer, subject), shown_ms in last.items():
        acked_ms, number = newest.get(subject, (-1, -1))
        is_dead = observer in watch.dead or subject in watch.dead
        if not is_dead and shown_ms < acked_ms and number > watch.joined.get(observer, -1):
            text = f"in the end {observer} shows {subject} where it was {(acked_ms - shown_ms) / 1000:.3f} s before"
            yield Violation("stale", f"{text} its newest acked position", watch.end_s)


def _step_back(record: PositionShown, before_ms: int) -> Violation:
    text = f"{record.observer} showed {record.subject} at {at(record.t_s)} where it was"
    text += f" {(before_ms - record.timestamp_ms) / 1000:.3f} s before the place that it showed before"
    return Violation("stale", text, record.t_s)


def _word(is_online: bool) -> str:
    return "online" if is_online else "offline"


def _fact(watch: _Watch, subject: str) -> str:
    can = "can" if watch.is_reachable(subject) else "cannot"
    return f"{subject} {can} be reached since {at(watch.since(subject))}"
