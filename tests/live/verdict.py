"""From the diaries of a storm to what was promised and not kept."""

import collections
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from realtime.sim.checkers import check
from realtime.sim.history import History
from realtime.sim.report import Violation

Line = dict[str, Any]
Logs = dict[str, list[tuple[int, str]]]  # of each room: offsets and texts, oldest first

NEVER = {"gap": "missed a part of the log", "failed": "was refused", "complaint": "was refused a question"}


@dataclass(frozen=True)
class Storm:
    """What was left of one.

    Args:
        lines: of all diaries, and of who killed whom when, each with its device, in any order.
        by_socket: the rooms' logs, as the server tells them in the end.
        by_file: the same, as the database has them.
    """

    lines: list[Line]
    by_socket: Logs
    by_file: Logs


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Args:
        kills: how often each was killed.
        counts: see :class:`realtime.sim.report.Report`; and how often the stock client dropped what it had.
        violations: what was promised and not kept.
        recovered_s: by who had been killed: seconds from being up again until a device was in all its rooms.
    """

    kills: dict[str, int]
    counts: dict[str, int]
    violations: tuple[Violation, ...]
    recovered_s: dict[str, list[float]]

    def __str__(self) -> str:
        return "\n".join([f"kills {self.kills}, {self.counts}", *map(str, self.violations[:30])])


def judge(storm: Storm) -> Verdict:
    """Let the checkers of the simulated world judge; a message is known by its text, whatever ids it travels under."""
    lines = sorted(storm.lines, key=lambda line: line["ns"])
    report = check(_history(storm, lines))
    violations = [*_told_again(lines), *_never(lines), *_two_logs(storm), *_not_all(storm, lines)]
    began_s = lines[0]["ns"] / 1e9 if lines else 0.0
    violations = [*report.violations, *(structs.replace(each, t_s=each.t_s - began_s) for each in violations)]
    kills = collections.Counter(line["device"] for line in lines if line["kind"] == "killed")
    again = sum(line["kind"] == "again" for line in lines)
    return Verdict(dict(kills), report.counts | {"again": again}, tuple(violations), _recovered_s(lines))


def _history(storm: Storm, lines: list[Line]) -> History:
    now_s = 0.0
    began_ns = lines[0]["ns"] if lines else 0
    history = History(lambda: now_s)
    on_disk = {line["text"] for line in lines if line["kind"] == "queued"} - _excused(storm, lines)
    for line in lines:
        now_s = (line["ns"] - began_ns) / 1e9
        device, room, text = line["device"], line.get("room", ""), line.get("text", "")
        match line["kind"]:
            case "attempt":
                history.attempt(device, room, text, is_durable=text in on_disk)
            case "told":
                history.delivery(device, room, text, line["offset"], line["sender"])
            case "acked":
                history.ok(text, line["offset"])
            case "failed":
                history.fail(text, line["reason"])
            case "member":
                history.member(device, room)
            case "view":
                history.view(device, room, line["entries"])
            case "reconnect":
                history.reconnect(device)
            case "killed":
                history.fault("kill")
                if device != "server":
                    history.killed(device)
            case "healed":
                history.healed()
    for room, entries in storm.by_socket.items():
        history.logged(room, entries)
    return history


def _excused(storm: Storm, lines: list[Line]) -> set[str]:
    """The outbox forgets what the server has before the app hears of it: each death may come once in between."""
    stored = {text for log in storm.by_socket.values() for _, text in log}
    acked = {line["text"] for line in lines if line["kind"] == "acked"}
    deaths = collections.Counter(line["device"] for line in lines if line["kind"] == "killed")
    unknown = stored - acked
    unheard: dict[str, set[str]] = collections.defaultdict(set)
    for line in lines:
        if line["kind"] == "queued" and line["text"] in unknown:
            unheard[line["device"]].add(line["text"])
    return {text for device, texts in unheard.items() if len(texts) <= deaths[device] for text in texts}


def _told_again(lines: list[Line]) -> list[Violation]:
    """What an earlier life was told stands before everything that a later life is told."""
    newest: dict[tuple[str, str], Line] = {}
    lives: collections.Counter[str] = collections.Counter()
    found = []
    for line in lines:
        if line["kind"] == "killed":
            lives[line["device"]] += 1
        if line["kind"] != "told":
            continue
        key = (line["device"], line["room"])
        before = newest.setdefault(key, line | {"life": lives[line["device"]]})
        if before["life"] != lives[line["device"]] and line["offset"] <= before["offset"]:
            text = f"{line['device']} was told {line['text']!r} at offset {line['offset']} of {line['room']}, though an"
            text += f" earlier life was told of offset {before['offset']}"
            found.append(Violation("duplicated", text, line["ns"] / 1e9))
        if line["offset"] > before["offset"]:
            newest[key] = line | {"life": lives[line["device"]]}
    return found


def _never(lines: list[Line]) -> list[Violation]:
    """What no kill may lead to: the store keeps everything."""
    return [
        Violation(line["kind"], f"{line['device']} {NEVER[line['kind']]}: {line}", line["ns"] / 1e9)
        for line in lines
        if line["kind"] in NEVER
    ]


def _two_logs(storm: Storm) -> list[Violation]:
    found = []
    for room in storm.by_socket.keys() | storm.by_file.keys():
        told, kept = storm.by_socket.get(room, []), storm.by_file.get(room, [])
        if told != kept:
            different = sorted(set(told) ^ set(kept))[:5]
            text = (
                f"of {room} the server tells {len(told)} entries and the file has {len(kept)}; not in both: {different}"
            )
            found.append(Violation("divergent", text, storm.lines[-1]["ns"] / 1e9))
    return found


def _not_all(storm: Storm, lines: list[Line]) -> list[Violation]:
    """Everybody has scrolled to the beginning: what they show in the end is the whole log."""
    found = []
    for line in lines:
        if line["kind"] == "view":
            shown, log = [(offset, text) for offset, text in line["entries"]], storm.by_socket[line["room"]]
            if shown != log:
                text = f"{line['device']} shows {len(shown)} of the {len(log)} entries of {line['room']}; not in both:"
                found.append(Violation("lost", f"{text} {sorted(set(shown) ^ set(log))[:5]}", line["ns"] / 1e9))
    return found


def _recovered_s(lines: list[Line]) -> dict[str, list[float]]:
    """How long it took until a device was in all its rooms: after its own start, and after the server's return.

    A device that is killed on its way, or finds the server killed again, tells nothing.
    """
    recovered: dict[str, list[float]] = collections.defaultdict(list)
    waiting: dict[str, tuple[str, int]] = {}  # by device: who had been killed, and since when it is up again
    killed, alive = set(), set()
    for line in lines:
        device, kind = line["device"], line["kind"]
        if kind == "killed":
            killed.add(device)
            waiting = {} if device == "server" else waiting
            waiting.pop(device, None)
            alive.discard(device)
        elif kind == "ready" and "server" in killed:
            waiting = dict.fromkeys(alive, ("server", line["ns"]))
        elif kind == "born":
            alive.add(device)
            if device in killed:
                waiting[device] = (device, line["ns"])
        elif kind == "in" and device in waiting:
            who, since_ns = waiting.pop(device)
            recovered[who].append((line["ns"] - since_ns) / 1e9)
    return dict(recovered)
