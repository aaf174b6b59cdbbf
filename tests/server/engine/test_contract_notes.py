"""What every engine promises of notes: what parts of the server want to have again after a restart."""

from functools import partial

from msgspec.structs import replace

from realtime.server.engine.base import EngineError, Note
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.engine.sqlite_rows import MOST_ROWS
from tests.server.engine.rig import ENGINES, Rig, change, draft


def keep(rig, *notes):
    [answer] = rig.ask(partial(rig.engine.keep, notes))
    return answer


def kept(rig, kind="push"):
    [answer] = rig.ask(partial(rig.engine.kept, kind))
    return answer


def test_a_note_is_found_by_its_kind_and_the_newest_value_stands(rig):
    assert kept(rig) == []
    assert keep(rig, Note("push", "b", "1"), Note("push", "a", "ü"), Note("fence", "a", "x")) is None
    assert keep(rig, Note("push", "b", "2"), Note("push", "c", "3")) is None
    assert kept(rig) == [Note("push", "a", "ü"), Note("push", "b", "2"), Note("push", "c", "3")]
    assert kept(rig, "fence") == [Note("fence", "a", "x")]


def test_a_note_without_a_value_forgets_it_and_one_that_is_not_there_is_forgotten_already(rig):
    keep(rig, Note("push", "a", "1"), Note("push", "b", "1"), Note("push", "b", None), Note("push", "c", None))
    assert kept(rig) == [Note("push", "a", "1")]
    keep(rig, Note("push", "a", None), Note("push", "a", "2"))
    assert kept(rig) == [Note("push", "a", "2")]
    keep(rig)
    assert kept(rig) == [Note("push", "a", "2")]


def test_many_are_kept_and_forgotten_at_once(rig):
    many = [Note("push", f"{n:05}", str(n)) for n in range(3 * MOST_ROWS + 7)]
    keep(rig, *many)
    assert kept(rig) == many
    keep(rig, *(note._replace(value=None) for note in many[1:]))
    assert kept(rig) == many[:1]


def test_an_entry_brings_its_notes_into_the_log_with_it_unless_it_is_known_or_refused(rig):
    first = replace(draft("m1"), notes=(Note("fence", "f1", "inside"),))
    again = replace(first, notes=(Note("fence", "f1", "outside"),))
    refused = replace(change("delete", "nothing", "c1"), notes=(Note("fence", "f2", "inside"),))
    rig.append_all([first, again, refused])
    assert kept(rig, "fence") == [Note("fence", "f1", "inside")]
    rig.append_all([replace(draft("m2"), notes=(Note("fence", "f1", None),))])
    assert kept(rig, "fence") == []


def test_notes_are_kept_in_the_order_in_which_they_came_among_what_is_logged(rig):
    def entry(n):
        return lambda done: rig.engine.append(replace(draft(f"m{n}"), notes=(Note("push", "a", f"m{n}"),)), done)

    def note(n):
        return partial(rig.engine.keep, [Note("push", "a", f"n{n}")])

    rig.ask(entry(1), note(1), entry(2), note(2), entry(3))
    assert kept(rig) == [Note("push", "a", "m3")]


def test_what_was_kept_is_there_when_the_database_is_opened_again(tmp_path):
    with Rig(SqliteEngine(tmp_path / "rooms.db")) as rig:
        keep(rig, Note("push", "a", "1"))
    with Rig(SqliteEngine(tmp_path / "rooms.db")) as rig:
        assert kept(rig) == [Note("push", "a", "1")]


def test_a_database_that_is_closed_keeps_nothing_and_says_so(tmp_path):
    with Rig(SqliteEngine(tmp_path / "rooms.db")) as rig:
        rig.run(rig.engine.stop())
        assert isinstance(keep(rig, Note("push", "a", "1")), EngineError)
        assert isinstance(kept(rig), EngineError)


def test_a_memory_engine_keeps_them_for_the_next_server():
    with ENGINES["memory"]() as rig:
        _is_kept_for_the_next_server(rig)


def _is_kept_for_the_next_server(rig):
    keep(rig, Note("push", "a", "1"))
    rig.run(rig.engine.stop())
    rig.run(rig.engine.start(rig.delivered.append))
    assert kept(rig) == [Note("push", "a", "1")]
