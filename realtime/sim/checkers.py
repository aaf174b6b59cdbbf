"""Was every promise kept? Each checker judges a whole history and returns what it finds wrong.

The definitions follow Jepsen's queue, set and kafka checkers and Maelstrom:

- Who must get a message: every device that is a member of its room in the end and whose process lives. A restarted
  process is another incarnation of its device, and begins anew with what its join brings.
- A send ends acked, refused, or unresolved. An unresolved one may show up, or not.
- An ack is the delivery of a message at its own sender. The sender's other devices must get it.
- The offset of a message is its place in the room's one log, which outlives every process.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

from realtime.sim.awareness import detection_latencies, late_detection, position_latencies, stale
from realtime.sim.evidence import SERVER, Evidence, Letter, Log, Seat
from realtime.sim.history import Delivery, History
from realtime.sim.report import Latency, Report, Violation

__all__ = [
    "check",
    "divergent",
    "duplicated",
    "late_detection",
    "lost",
    "phantom",
    "reordered",
    "stale",
    "stuck",
    "vacuous",
]

_Source: TypeAlias = History | Evidence
Entries: TypeAlias = tuple[tuple[int, str], ...]


def check(
    history: History,
    *,
    offline_within_s: float | None = None,
    online_within_s: float | None = None,
    may_be_vacuous: bool = False,
) -> Report:
    """Let every checker judge a history.

    Call it when everything healed and drained, and each device's :meth:`~realtime.sim.history.History.view` is in.

    Args:
        history: of the whole run.
        offline_within_s: how late a device that cannot be reached may be shown as offline; None: it is not judged.
        online_within_s: how late one that can be reached again may be shown as online; None: it is not judged.
        may_be_vacuous: a run without a fault, an ack or a reconnect passes as well.

    Returns:
        A report. Its ``latencies`` are ``delivery`` (from a send to each delivery), ``delivery after heal`` (of those
        after the last :meth:`~realtime.sim.history.History.healed`, counted from it or the later send), ``stable``
        (from the ack until the last member had the message), ``offline`` and ``online`` (until an observer showed
        it), ``position`` (from the ack of a fix until an observer showed it).
    """
    evidence = Evidence(history)
    found = {
        "lost": lost(evidence),
        "duplicated": duplicated(evidence),
        "reordered": reordered(evidence),
        "phantom": phantom(evidence),
        "divergent": divergent(evidence),
        "stuck": stuck(evidence),
    }
    others = [
        *late_detection(history, offline_within_s=offline_within_s, online_within_s=online_within_s),
        *stale(history),
        *([] if may_be_vacuous else vacuous(evidence)),
    ]
    counts = {
        "attempted": len(evidence.letters),
        "acked": len(evidence.acked),
        "delivered": evidence.delivered,
        **{kind: len(violations) for kind, violations in found.items()},
        "faults": evidence.faults,
        "reconnects": evidence.reconnects,
    }
    everything = [*(violation for violations in found.values() for violation in violations), *others]
    return Report(counts, tuple(_in_time(everything)), _latencies(evidence, history))


def lost(history: _Source) -> list[Violation]:
    """Acked, and in the end not at every member, or not in the server's log.

    What was sent after a member had joined must have come by the callback. What was sent before may stand in its
    view instead, or lie before the beginning of what it has: in the history that it has not scrolled to. The newest
    message is never that far back.
    """
    evidence = Evidence.of(history)
    found = []
    for seat in evidence.final_seats:
        letters = evidence.acked_in.get(seat.room, [])
        shown = {message_id for _, message_id in seat.view.entries} if seat.view else set()
        newest = max((letter.acked.offset for letter in letters if letter.acked), default=None) if seat.view else None
        begin = min(_offsets(seat), default=newest)
        for letter in letters:
            acked, name = letter.acked, letter.attempt.message_id
            if acked is None or name in seat.told or seat.is_own(letter):
                continue
            was_there = seat.joined is not None and letter.number > seat.joined
            if was_there or (name not in shown and begin is not None and acked.offset >= begin):
                found.append(_loss(evidence, letter, f"never reached {seat.receiver}"))
    for room, kept in evidence.kept.items():
        stored = {message_id for _, message_id in kept.entries}
        begin = min((offset for offset, _ in kept.entries), default=0)
        found += [
            _loss(evidence, letter, "is not in the server's log")
            for letter in evidence.acked_in.get(room, ())
            if letter.acked and letter.acked.offset >= begin and letter.attempt.message_id not in stored
        ]
    return _in_time(found)


def duplicated(history: _Source) -> list[Violation]:
    """Told to an application more than once in the life of its process, or in the log twice, by whatever witness.

    An ack is how a message is told to its own sender.
    """
    evidence = Evidence.of(history)
    found = []
    for seat in evidence.seats:
        for again in seat.repeats:
            what = f"{evidence.name(again.message_id)} in {seat.room} again at {_at(again.t_s)}"
            text = f"{seat.receiver} was told {what}, after {_at(seat.told[again.message_id].t_s)}"
            found.append(Violation("duplicated", text, again.t_s))
        for delivery in seat.told.values():
            letter = evidence.letters.get(delivery.message_id)
            if letter is not None and letter.acked is not None and seat.is_own(letter):
                text = f"{seat.receiver} was told its own {evidence.name(delivery.message_id)} in {seat.room} at"
                text += f" {_at(delivery.t_s)}, and its ack at {_at(letter.acked.t_s)}"
                found.append(Violation("duplicated", text, delivery.t_s))
    for room, log in evidence.logs.items():
        for first_claim, claim in log.moves:
            where = f"{first_claim.witness} has it at offset {first_claim.offset} ({_at(first_claim.t_s)})"
            text = f"{evidence.name(claim.message_id)} is in the log of {room} twice: {where}"
            text += f", {claim.witness} at {claim.offset} ({_at(claim.t_s)})"
            found.append(Violation("duplicated", text, claim.t_s))
    return _in_time(found)


def reordered(history: _Source) -> list[Violation]:
    """Out of the log's order at a receiver, or out of its sender's order in the log.

    At a receiver, offsets rise in the life of its process; and it does not go past an offset at which a message of
    others is known to stand, and never get that. Of what one process sent to a room, the earlier stands first.
    """
    evidence = Evidence.of(history)
    found = [violation for seat in evidence.seats for violation in _misplaced(seat, evidence)]
    found += _unsorted(evidence)
    for room, log in evidence.logs.items():
        newest: dict[tuple[str, int], tuple[Letter, int]] = {}
        for offset in log.offsets:
            letter = evidence.letters.get(log.by_offset[offset].message_id)
            if letter is None:
                continue
            before, place = newest.setdefault((letter.sender, letter.incarnation), (letter, offset))
            if letter.number >= before.number:
                newest[letter.sender, letter.incarnation] = (letter, offset)
                continue
            text = (
                f"{evidence.name(letter.attempt.message_id)}, sent at {_at(letter.sent_s)}, stands in {room} at offset"
            )
            text += f" {offset}, behind {before.attempt.message_id!r} at offset {place}, which {letter.sender} sent at"
            found.append(Violation("reordered", f"{text} {_at(before.sent_s)}", letter.sent_s))
    return _in_time(found)


def phantom(history: _Source) -> list[Violation]:
    """Told, shown, held or acked, though nobody sent it, or not yet, or not here, or it was refused."""
    evidence = Evidence.of(history)
    found = []
    for place, ack in evidence.early_acks:
        reason = _unfounded(evidence.letters.get(ack.message_id), None, place)
        found.append(Violation("phantom", f"{ack.message_id!r} was acked at {_at(ack.t_s)}, which {reason}", ack.t_s))
    for letter in evidence.acked:
        if letter.refused is not None and letter.acked is not None:
            text = f"{evidence.name(letter.attempt.message_id)} was acked at {_at(letter.acked.t_s)}, and refused at"
            text += f" {_at(letter.refused.t_s)}: {letter.refused.reason}"
            found.append(Violation("phantom", text, letter.acked.t_s))
    for number, name, who, room, t_s in _mentions(evidence):
        reason = _unfounded(evidence.letters.get(name), room, number)
        if reason is not None:
            what = repr(name) if reason.startswith("nobody") else evidence.name(name)
            found.append(Violation("phantom", f"{who} {what} in {room} at {_at(t_s)}, which {reason}", t_s))
    return _in_time(found)


def divergent(history: _Source) -> list[Violation]:
    """Two witnesses disagree: on what stands at an offset, on whether anything does, or on who wrote it.

    The witnesses are acks, deliveries and views. A final view has everything that is known to stand in the log from
    its beginning on, except what is :func:`lost`.
    """
    evidence = Evidence.of(history)
    found = []
    for room, log in evidence.logs.items():
        for first, claim in log.conflicts:
            text = f"at offset {claim.offset} of {room} {first.witness} has {evidence.name(first.message_id)}"
            text += f" ({_at(first.t_s)}), {claim.witness} has {evidence.name(claim.message_id)} ({_at(claim.t_s)})"
            found.append(Violation("divergent", text, claim.t_s))
    for seat in evidence.final_seats:
        found += _holes(seat, evidence)
    found += _authors(evidence)
    return _in_time(found)


def stuck(history: _Source) -> list[Violation]:
    """Sent by a process that lives, and in the end neither acked nor refused."""
    evidence = Evidence.of(history)
    return [
        Violation("stuck", f"{evidence.name(name)}, sent to {letter.room} at {_at(letter.sent_s)}, {_UNRESOLVED}", at_s)
        for name, letter in evidence.letters.items()
        if not letter.is_resolved and evidence.is_of_the_living(letter)
        for at_s in (letter.sent_s,)
    ]


def vacuous(history: _Source) -> list[Violation]:
    """The run proves nothing: something without which nothing can go wrong never happened."""
    evidence = Evidence.of(history)
    reached = any(
        not seat.is_own(letter) for seat in evidence.final_seats for letter in evidence.acked_in.get(seat.room, ())
    )
    reasons = {
        "no fault was fired": not evidence.faults,
        "nobody reconnected": not evidence.reconnects,
        "nothing was acked": not evidence.acked,
        "no acked message had a member to reach": not reached,
    }
    return [Violation("vacuous", text, evidence.end_s) for text, holds in reasons.items() if holds]


_UNRESOLVED = "was neither acked nor refused"


def _at(t_s: float) -> str:
    return f"{t_s:.3f} s"


def _in_time(violations: Iterable[Violation]) -> list[Violation]:
    return sorted(violations, key=lambda violation: violation.t_s)


def _loss(evidence: Evidence, letter: Letter, how: str) -> Violation:
    at_s, offset = (letter.acked.t_s, letter.acked.offset) if letter.acked else (0.0, 0)
    text = f"{evidence.name(letter.attempt.message_id)}, acked at {_at(at_s)} with offset {offset} in {letter.room}"
    return Violation("lost", f"{text}, {how}", at_s)


def _offsets(seat: Seat) -> list[int]:
    """Where a seat was told or shows anything."""
    shown = [offset for offset, _ in seat.view.entries] if seat.view else []
    return shown + [delivery.offset for delivery in seat.told.values()]


def _misplaced(seat: Seat, evidence: Evidence) -> Iterator[Violation]:
    log = evidence.logs.get(seat.room) or Log()
    high: int | None = None
    for delivery in seat.told.values():
        name, offset = evidence.name(delivery.message_id), delivery.offset
        if high is None:
            high = offset
        elif offset <= high:
            text = f"{seat.receiver} was told {name} at offset {offset} of {seat.room} ({_at(delivery.t_s)})"
            yield Violation("reordered", f"{text} after offset {high}", delivery.t_s)
        else:
            skipped = _skipped(seat, evidence, log, high, delivery)
            if skipped:
                text = f"{seat.receiver} jumped in {seat.room} from offset {high} to {offset} ({name},"
                yield Violation("reordered", f"{text} {_at(delivery.t_s)}), over {skipped}", delivery.t_s)
            high = offset


def _unsorted(evidence: Evidence) -> Iterator[Violation]:
    for who, room, t_s, entries in _pictures(evidence):
        for (before, _), (offset, message_id) in pairwise(entries):
            if offset <= before:
                text = f"{who} {evidence.name(message_id)} at offset {offset} of {room} below offset {before}"
                yield Violation("reordered", text, t_s)


def _pictures(evidence: Evidence) -> Iterator[tuple[str, str, float, Entries]]:
    """What devices show, and what the server holds: who and verb, room, time, offsets with message ids."""
    for seat in evidence.seats:
        if seat.view is not None:
            yield f"{seat.receiver} shows", seat.room, seat.view.t_s, seat.view.entries
    for room, kept in evidence.kept.items():
        yield f"{SERVER} holds", room, kept.t_s, kept.entries


def _skipped(seat: Seat, evidence: Evidence, log: Log, high: int, delivery: Delivery) -> str:
    """The messages between two that a receiver was told one after the other, and that it was never told."""
    index = bisect_right(log.offsets, high)
    names = []
    while index < len(log.offsets) and (offset := log.offsets[index]) < delivery.offset:
        message_id = log.by_offset[offset].message_id
        letter = evidence.letters.get(message_id)
        if message_id not in seat.told and letter is not None and not seat.is_own(letter):
            names.append(f"{offset} ({evidence.name(message_id)})")
        index += 1
    return ", ".join(names)


def _mentions(evidence: Evidence) -> Iterator[tuple[int | None, str, str, str, float]]:
    """What was told, or is shown without having been told, or held: place, message, who and verb, room, time."""
    told = {(f"{seat.receiver} shows", seat.room): seat.told for seat in evidence.seats if seat.view is not None}
    for seat in evidence.seats:
        for number, delivery in zip(seat.told_at, seat.told.values(), strict=True):
            yield number, delivery.message_id, f"{seat.receiver} was told", seat.room, delivery.t_s
    for who, room, t_s, entries in _pictures(evidence):
        for _, message_id in entries:
            if message_id not in told.get((who, room), ()):
                yield None, message_id, who, room, t_s


def _unfounded(letter: Letter | None, room: str | None, number: int | None) -> str | None:
    """Why a message should not be there: continues "which …"."""
    if letter is None:
        return "nobody sent"
    if number is not None and number < letter.number:
        return "nobody had sent then"
    if room is not None and letter.room != room:
        return f"was sent to {letter.room}"
    if letter.refused is not None:
        return f"was refused at {_at(letter.refused.t_s)}: {letter.refused.reason}"
    return None


def _holes(seat: Seat, evidence: Evidence) -> Iterator[Violation]:
    view, log = seat.view, evidence.logs.get(seat.room)
    if view is None or log is None:
        return
    acked = evidence.acked_in.get(seat.room, ())
    own = [letter.acked.offset for letter in acked if letter.acked and seat.is_own(letter)]
    begin = min(_offsets(seat) + own, default=None)
    shown = {offset for offset, _ in view.entries}
    for offset in () if begin is None else log.offsets[bisect_left(log.offsets, begin) :]:
        claim = log.by_offset[offset]
        letter = evidence.letters.get(claim.message_id)
        is_lost = letter is not None and letter.acked is not None and not seat.is_own(letter)
        if offset not in shown and not (is_lost and claim.message_id not in seat.told):
            text = f"{seat.receiver} shows nothing at offset {offset} of {seat.room} ({_at(view.t_s)}), where"
            text += f" {claim.witness} has {evidence.name(claim.message_id)}"
            yield Violation("divergent", text, view.t_s)


def _authors(evidence: Evidence) -> Iterator[Violation]:
    first: dict[str, Delivery] = {}
    for seat in evidence.seats:
        for delivery in seat.told.values():
            other = first.setdefault(delivery.message_id, delivery)
            if other.sender != delivery.sender:
                text = f"{other.receiver} was told that {delivery.message_id!r} in {seat.room} is by {other.sender}"
                text += f", {seat.receiver} that it is by {delivery.sender} ({_at(delivery.t_s)})"
                yield Violation("divergent", text, delivery.t_s)


def _latencies(evidence: Evidence, history: History) -> dict[str, Latency]:
    all_s, after_heal_s = [], []
    complete_s: dict[str, float] = {}
    final = {id(seat) for seat in evidence.final_seats}
    healed_s = evidence.healed_s
    for seat in evidence.seats:
        for delivery in seat.told.values():
            letter = evidence.letters.get(delivery.message_id)
            if letter is None:
                continue
            all_s.append(delivery.t_s - letter.sent_s)
            if healed_s is not None and delivery.t_s >= healed_s:
                after_heal_s.append(delivery.t_s - max(letter.sent_s, healed_s))
            if letter.acked is not None and id(seat) in final:
                complete_s[delivery.message_id] = max(
                    complete_s.get(delivery.message_id, letter.acked.t_s), delivery.t_s
                )
    acks = ((complete_s[name], evidence.letters[name].acked) for name in complete_s)
    return {
        "delivery": Latency.of(all_s),
        "delivery after heal": Latency.of(after_heal_s),
        "stable": Latency.of(t_s - acked.t_s for t_s, acked in acks if acked is not None),
        **{name: Latency.of(values_s) for name, values_s in detection_latencies(history).items()},
        "position": Latency.of(position_latencies(history)),
    }
