"""Is everybody told of everything, once? Notifications of a history, judged by device."""

from __future__ import annotations

from collections.abc import Iterator

from realtime.sim.history import Cleared, Forgot, History, Notified, Over, Owed
from realtime.sim.report import Violation, at


def notified_twice(history: History) -> list[Violation]:
    """Shown on a device though it had been shown there before, by whatever way: by push, by socket, or by both.

    What stands for several messages shows all of them. A device whose memory was lost may show things again.
    """
    return list(_again(history))


def _again(history: History) -> Iterator[Violation]:
    shown: dict[str, dict[str, Notified]] = {}
    for record in history.records:
        if isinstance(record, Forgot):
            shown.pop(record.device, None)
        elif isinstance(record, Notified):
            before = shown.setdefault(record.device, {})
            first = before.get(record.names[0])
            if first is not None:
                text = f"{record.device} showed the notification {record.names[0]!r} by {record.way} at"
                text += f" {at(record.t_s)}, after it had shown it by {first.way} at {at(first.t_s)}"
                yield Violation("duplicated", text, record.t_s)
            for name in record.names:
                before.setdefault(name, record)


def not_notified(history: History) -> list[Violation]:
    """Owed to a device, and not on its lock screen in time."""
    owed: dict[tuple[str, str], Owed] = {}
    shown_s: dict[tuple[str, str], float] = {}
    for record in history.records:
        if isinstance(record, Owed):
            owed.setdefault((record.device, record.name), record)
        elif isinstance(record, Notified) and record.way == "push":
            for name in record.names:
                shown_s.setdefault((record.device, name), record.t_s)
    end_s = history.records[-1].t_s if history.records else 0.0
    found = []
    for key, debt in owed.items():
        deadline_s = debt.t_s + debt.within_s
        if min(end_s, shown_s.get(key, end_s)) > deadline_s:
            when = f"came at {at(shown_s[key])}" if key in shown_s else "never came"
            text = f"{debt.device}, at which nobody looks, was owed a push for {debt.name!r} since {at(debt.t_s)};"
            found.append(Violation("lost", f"{text} it {when}", debt.t_s))
    return found


def not_withdrawn(history: History) -> list[Violation]:
    """On the lock screen of a device, though it was seen to elsewhere long ago, be it before it came."""
    shown: dict[str, set[str]] = {}  # by device
    over: dict[tuple[str, str], Over] = {}
    found: list[Violation] = []

    def judge(key: tuple[str, str], now_s: float) -> None:
        record = over.get(key)
        if record is not None and now_s > record.t_s + record.within_s:
            text = f"{record.device} showed {record.name!r} on its lock screen until {at(now_s)}, which was seen to"
            found.append(Violation("stale", f"{text} elsewhere at {at(record.t_s)}", record.t_s + record.within_s))

    for record in history.records:
        if isinstance(record, Notified) and record.way == "push":
            shown.setdefault(record.device, set()).add(record.names[0])
        elif isinstance(record, Cleared) and record.name in (on_screen := shown.get(record.device, set())):
            on_screen.discard(record.name)
            judge((record.device, record.name), record.t_s)
        elif isinstance(record, Over):
            over.setdefault((record.device, record.name), record)
    for device, names in shown.items():
        for name in sorted(names):
            judge((device, name), history.records[-1].t_s)
    return found
