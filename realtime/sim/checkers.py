"""Was every promise kept? Each checker judges a whole history and returns what it finds wrong.

The definitions follow Jepsen's queue, set and kafka checkers and Maelstrom:

- Who must get a message: every device that is a member of its room in the end and whose process lives. A restarted
  process is another incarnation of its device, and begins anew with what its join brings.
- A send ends acked, refused, or unresolved. An unresolved one may show up, or not.
- An ack is the delivery of a message at its own sender. The sender's other devices must get it.
- The offset of a message is its place in the room's one log, which outlives every process.
"""

from __future__ import annotations

from typing import TypeAlias

from realtime.sim.awareness import detection_latencies, late_detection, late_typing, position_latencies, stale
from realtime.sim.evidence import Evidence, Letter, Seat
from realtime.sim.history import Acked, History, Notified, Shown
from realtime.sim.log_checkers import divergent, phantom, reordered
from realtime.sim.notice_checkers import not_notified, not_withdrawn, notified_twice
from realtime.sim.report import Latency, Report, Violation, at, in_time

__all__ = [
    "check",
    "divergent",
    "duplicated",
    "late_detection",
    "late_typing",
    "lost",
    "not_notified",
    "not_withdrawn",
    "notified_twice",
    "phantom",
    "reordered",
    "stale",
    "stuck",
    "vacuous",
]

_Source: TypeAlias = History | Evidence


def check(
    history: History,
    *,
    offline_within_s: float | None = None,
    online_within_s: float | None = None,
    looked_every_s: float = 0.0,
    typing_within_s: float | None = None,
    may_be_vacuous: bool = False,
) -> Report:
    """Let every checker judge a history.

    Call it when everything healed and drained, and each device's :meth:`~realtime.sim.history.History.view` is in.

    Args:
        history: of the whole run.
        offline_within_s: how late a device that cannot be reached may be shown as offline; None: it is not judged.
        online_within_s: how late one that can be reached again may be shown as online; None: it is not judged.
        looked_every_s: how long after something came true the history may note it; see :func:`late_detection`.
        typing_within_s: how long somebody may be shown as typing after the last sign; None: it is not judged.
        may_be_vacuous: a run without a fault, an ack or a reconnect passes as well.

    Returns:
        A report. Its ``latencies`` are ``delivery`` (from a send to each delivery), ``delivery after heal`` (of those
        after the last :meth:`~realtime.sim.history.History.healed`, counted from it or the later send), ``stable``
        (from the ack until the last member had the message), ``offline`` and ``online`` (until an observer showed
        it), ``position`` (from the ack of a fix until an observer showed it).
    """
    evidence = Evidence(history)
    found = {
        "lost": [*lost(evidence), *not_notified(history)],
        "duplicated": [*duplicated(evidence), *notified_twice(history)],
        "reordered": reordered(evidence),
        "phantom": phantom(evidence),
        "divergent": divergent(evidence),
        "stuck": stuck(evidence),
    }
    others = [
        *late_detection(
            history,
            offline_within_s=offline_within_s,
            online_within_s=online_within_s,
            looked_every_s=looked_every_s,
        ),
        *([] if typing_within_s is None else late_typing(history, within_s=typing_within_s)),
        *stale(history),
        *not_withdrawn(history),
        *([] if may_be_vacuous else vacuous(evidence)),
    ]
    counts = {
        "attempted": len(evidence.letters),
        "acked": len(evidence.acked),
        "delivered": evidence.delivered,
        **{kind: len(violations) for kind, violations in found.items()},
        "faults": evidence.faults,
        "reconnects": evidence.reconnects,
        "presence": sum(isinstance(record, Shown) for record in history.records),
        "crossings": 0,
        "notifications": sum(isinstance(record, Notified) for record in history.records),
    }
    everything = [*(violation for violations in found.values() for violation in violations), *others]
    return Report(counts, tuple(in_time(everything)), _latencies(evidence, history))


def lost(history: _Source) -> list[Violation]:
    """Acked, and in the end not at every member, or not in the server's log.

    What was sent after a member had joined must have come by the callback. What was sent before may stand in its
    view instead, or lie before the beginning of what it has: in the history that it has not scrolled to. The newest
    message is never that far back. What the server's log has no more may be missing where the view shows a gap.
    """
    evidence = Evidence.of(history)
    found = []
    for seat in evidence.final_seats:
        letters = evidence.acked_in.get(seat.room, [])
        shown = {message_id for _, message_id in seat.view.entries} if seat.view else set()
        newest = max((letter.acked.offset for letter in letters if letter.acked), default=None) if seat.view else None
        begin = min(seat.offsets, default=newest)
        kept_from = evidence.kept[seat.room].horizon if seat.room in evidence.kept else 0
        for letter in letters:
            acked, name = letter.acked, letter.attempt.message_id
            if acked is None or name in seat.told or seat.is_own(letter):
                continue
            if seat.is_in_gap(acked.offset) and name not in shown:
                found += _untrue_gap(evidence, letter, acked, seat)
                continue
            was_there = seat.joined is not None and letter.number > seat.joined
            is_gone = acked.offset <= kept_from  # when it joined, the server may have had it no more
            if was_there or (name not in shown and begin is not None and acked.offset >= begin and not is_gone):
                found.append(_loss(evidence, letter, f"never reached {seat.receiver}"))
    for room, kept in evidence.kept.items():
        stored = {message_id for _, message_id in kept.entries}
        begin = max(min((offset for offset, _ in kept.entries), default=0), kept.horizon + 1)
        found += [
            _loss(evidence, letter, "is not in the server's log")
            for letter in evidence.acked_in.get(room, ())
            if letter.acked and letter.acked.offset >= begin and letter.attempt.message_id not in stored
        ]
    return in_time(found)


def duplicated(history: _Source) -> list[Violation]:
    """Told to an application more than once in the life of its process, or in the log twice, by whatever witness.

    An ack is how a message is told to its own sender.
    """
    evidence = Evidence.of(history)
    found = []
    for seat in evidence.seats:
        for again in seat.repeats:
            what = f"{evidence.name(again.message_id)} in {seat.room} again at {at(again.t_s)}"
            text = f"{seat.receiver} was told {what}, after {at(seat.told[again.message_id].t_s)}"
            found.append(Violation("duplicated", text, again.t_s))
        for delivery in seat.told.values():
            letter = evidence.letters.get(delivery.message_id)
            if letter is not None and letter.acked is not None and seat.is_own(letter):
                text = f"{seat.receiver} was told its own {evidence.name(delivery.message_id)} in {seat.room} at"
                text += f" {at(delivery.t_s)}, and its ack at {at(letter.acked.t_s)}"
                found.append(Violation("duplicated", text, delivery.t_s))
    for room, log in evidence.logs.items():
        for first_claim, claim in log.moves:
            where = f"{first_claim.witness} has it at offset {first_claim.offset} ({at(first_claim.t_s)})"
            text = f"{evidence.name(claim.message_id)} is in the log of {room} twice: {where}"
            text += f", {claim.witness} at {claim.offset} ({at(claim.t_s)})"
            found.append(Violation("duplicated", text, claim.t_s))
    return in_time(found)


def stuck(history: _Source) -> list[Violation]:
    """Sent by a process that lives, or from a disk that a living one has, and in the end neither acked nor refused."""
    evidence = Evidence.of(history)
    found = []
    for name, letter in evidence.letters.items():
        if not letter.is_resolved and evidence.is_owed_an_answer(letter):
            text = f"{evidence.name(name)}, sent to {letter.room} at {at(letter.sent_s)}, was neither acked nor refused"
            found.append(Violation("stuck", text, letter.sent_s))
    return found


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


def _untrue_gap(evidence: Evidence, letter: Letter, acked: Acked, seat: Seat) -> list[Violation]:
    kept = evidence.kept.get(letter.room)
    if kept is None or (acked.offset, acked.message_id) not in kept.entries:
        return []
    return [_loss(evidence, letter, f"is in the server's log, and {seat.receiver} shows a gap there")]


def _loss(evidence: Evidence, letter: Letter, how: str) -> Violation:
    at_s, offset = (letter.acked.t_s, letter.acked.offset) if letter.acked else (0.0, 0)
    text = f"{evidence.name(letter.attempt.message_id)}, acked at {at(at_s)} with offset {offset} in {letter.room}"
    return Violation("lost", f"{text}, {how}", at_s)


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
