"""A diary is what a killed process leaves: every line but a torn last one."""

import json

from tests.live.diary import Diary, read_diary


def test_lines_are_on_file_when_note_returns_each_with_its_time(tmp_path):
    diary = Diary(tmp_path / "ana.1.jsonl")
    diary.note("told", room="lobby", offset=1)
    assert [line["kind"] for line in read_diary(diary.path)] == ["told"]
    diary.note("out")
    first, second = read_diary(diary.path)
    assert (first["room"], first["offset"]) == ("lobby", 1)
    assert first["ns"] <= second["ns"]


def test_a_line_that_the_kill_tore_was_not_said(tmp_path):
    path = tmp_path / "ana.1.jsonl"
    path.write_text(json.dumps({"ns": 1, "kind": "in"}) + "\n" + '{"ns": 2, "kind": "to')
    assert [line["kind"] for line in read_diary(path)] == ["in"]


def test_who_was_killed_before_the_first_word_has_an_empty_diary(tmp_path):
    assert read_diary(tmp_path / "nobody.jsonl") == []
