"""The verdict on a storm finds what is missing, twice, in the wrong order, or forgotten on a disk."""

import pytest

from tests.live.verdict import Storm, judge

S = 1_000_000_000  # nanoseconds


def line(second, device, kind, **what):
    return {"ns": int(second * S), "device": device, "kind": kind, **what}


def told(second, device, text, offset):
    return line(second, device, "told", room="lobby", text=text, offset=offset, sender=text.split()[0])


def a_good_storm():
    """Ana (ours, with a disk) and Ben (stock) write; the server and Ana are killed; everybody has everything."""
    lines = [
        line(0.1, "server", "ready"),
        line(0.2, "ana", "born"),
        line(0.2, "ben", "born"),
        line(1, "ana", "member", room="lobby"),
        line(1, "ana", "in"),
        line(1, "ben", "member", room="lobby"),
        line(1, "ben", "in"),
        line(2, "ana", "attempt", room="lobby", text="ana 1"),
        line(2, "ana", "queued", text="ana 1"),
        told(2.1, "ben", "ana 1", 1),
        line(2.2, "ana", "acked", text="ana 1", offset=1),
        line(3, "server", "killed"),
        line(3, "ana", "attempt", room="lobby", text="ana 2"),
        line(3, "ana", "queued", text="ana 2"),
        line(3.5, "server", "ready"),
        line(4, "ben", "in"),
        line(5, "ana", "killed"),
        line(6, "ana", "born"),
        line(6.5, "ana", "member", room="lobby"),
        line(6.5, "ana", "in"),
        told(7, "ben", "ana 2", 2),
        line(7.1, "ana", "acked", text="ana 2", offset=2),
        line(8, "ben", "attempt", room="lobby", text="ben 1"),
        told(8.1, "ana", "ben 1", 3),
        line(8.2, "ben", "acked", text="ben 1", offset=3),
        line(9, "world", "healed"),
    ]
    whole = [[1, "ana 1"], [2, "ana 2"], [3, "ben 1"]]
    lines += [line(10, device, "view", room="lobby", entries=whole) for device in ("ana", "ben")]
    log = {"lobby": [(offset, text) for offset, text in whole]}
    return Storm(lines, by_socket=log, by_file=dict(log))


def without(storm, **what):
    kept = [line for line in storm.lines if not what.items() <= line.items()]
    assert len(kept) < len(storm.lines)
    return Storm(kept, storm.by_socket, storm.by_file)


def with_line(storm, *lines):
    return Storm([*storm.lines, *lines], storm.by_socket, storm.by_file)


def kinds(verdict):
    return {violation.kind for violation in verdict.violations}


def test_a_good_storm_passes_and_counts():
    verdict = judge(a_good_storm())
    assert verdict.violations == ()
    assert verdict.kills == {"server": 1, "ana": 1}
    assert (verdict.counts["attempted"], verdict.counts["acked"]) == (3, 3)
    assert verdict.recovered_s["server"] == [0.5], "ready at 3.5 s; Ben was in at 4 s; Ana was killed before"
    assert verdict.recovered_s["ana"] == [0.5], "born at 6 s and in at 6.5 s"


def test_a_message_that_a_receiver_never_got_is_lost():
    storm = without(a_good_storm(), kind="told", text="ana 2")
    storm = without(storm, kind="view", device="ben")
    assert "lost" in kinds(judge(storm))


def test_a_message_that_is_not_in_the_history_is_lost():
    storm = a_good_storm()
    short = {"lobby": storm.by_file["lobby"][:1] + storm.by_file["lobby"][2:]}
    assert "lost" in kinds(judge(Storm(storm.lines, short, short)))


def test_in_the_end_everybody_shows_the_whole_history():
    """Old messages too, which its last life was not told: all have scrolled to the beginning."""
    storm = a_good_storm()
    lines = [
        {**line, "entries": line["entries"][1:]} if line["kind"] == "view" and line["device"] == "ana" else line
        for line in storm.lines
    ]
    found = judge(Storm(lines, storm.by_socket, storm.by_file)).violations
    assert [(violation.kind, violation.text) for violation in found] == [
        ("lost", "ana shows 2 of the 3 entries of lobby; not in both: [(1, 'ana 1')]")
    ]


def test_the_socket_and_the_file_must_say_the_same():
    storm = a_good_storm()
    assert kinds(judge(Storm(storm.lines, storm.by_socket, {"lobby": storm.by_file["lobby"][:2]}))) >= {"divergent"}


def test_a_message_twice_in_the_history_is_a_duplicate():
    storm = a_good_storm()
    twice = {"lobby": [*storm.by_file["lobby"], (4, "ana 1")]}
    assert "duplicated" in kinds(judge(Storm(storm.lines, twice, twice)))


def test_a_message_told_twice_in_one_life_is_a_duplicate():
    assert "duplicated" in kinds(judge(with_line(a_good_storm(), told(8.9, "ben", "ana 1", 1))))


def test_a_message_told_again_to_the_next_life_is_a_duplicate():
    """What a life was told is behind what its successor's join shows."""
    storm = with_line(
        a_good_storm(),
        told(8.91, "ben", "ana 3", 4),
        line(8.93, "ben", "killed"),
        line(8.94, "ben", "born"),
        line(8.95, "ben", "member", room="lobby"),
        told(8.96, "ben", "ana 3", 4),
    )
    again = [violation.text for violation in judge(storm).violations if violation.kind == "duplicated"]
    assert any("'ana 3'" in text and "earlier life" in text for text in again), again


def test_what_was_on_the_disk_and_never_arrived_is_found():
    storm = with_line(
        a_good_storm(),
        line(4.1, "ana", "attempt", room="lobby", text="ana 9"),
        line(4.2, "ana", "queued", text="ana 9"),
    )
    assert any("'ana 9'" in violation.text for violation in judge(storm).violations)


def test_who_died_between_forgetting_and_telling_is_owed_no_answer():
    """The outbox forgets a message that the server has, and then the app is told: death may come in between."""
    storm = a_good_storm()
    whole = [*storm.by_file["lobby"], (4, "ana 9")]
    lines = [{**line, "entries": whole} if line["kind"] == "view" else line for line in storm.lines]
    lines += [
        line(4.1, "ana", "attempt", room="lobby", text="ana 9"),
        line(4.2, "ana", "queued", text="ana 9"),
        told(8.8, "ben", "ana 9", 4),
    ]
    assert judge(Storm(lines, {"lobby": whole}, {"lobby": whole})).violations == ()


def test_one_death_excuses_one_answer_that_was_not_told():
    storm = a_good_storm()
    whole = [*storm.by_file["lobby"], (4, "ana 8"), (5, "ana 9")]
    lines = [{**line, "entries": whole} if line["kind"] == "view" else line for line in storm.lines]
    for offset, text in whole[3:]:
        lines += [
            line(4.1, "ana", "attempt", room="lobby", text=text),
            line(4.2, "ana", "queued", text=text),
            told(8.8, "ben", text, offset),
        ]
    assert kinds(judge(Storm(lines, {"lobby": whole}, {"lobby": whole}))) == {"stuck"}


def test_what_was_never_on_the_disk_may_die_with_its_sender():
    storm = with_line(a_good_storm(), line(4.9, "ana", "attempt", room="lobby", text="ana 9"))
    assert judge(storm).violations == ()


@pytest.mark.parametrize("kind", ["gap", "failed", "complaint"])
def test_what_must_never_happen_is_told(kind):
    storm = with_line(a_good_storm(), line(8.5, "ben", kind, room="lobby", text="ana 1", reason="why"))
    assert judge(storm).violations


def test_a_storm_without_a_kill_proves_nothing():
    storm = without(without(a_good_storm(), kind="killed", device="server"), kind="killed", device="ana")
    assert "vacuous" in kinds(judge(storm))
