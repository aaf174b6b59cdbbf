"""Fixes that wait for a connection are in a file, and outlive the app."""

import os

import pytest

from realtime.location.kept_fixes import KeptFixes
from tests.location.ana import fix


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.json"


@pytest.mark.clause("RT-LOC-8")
def test_what_is_kept_is_there_for_the_next_run(path):
    kept = KeptFixes(path)
    kept.set("lobby", [fix(1), fix(2)])
    kept.set("tram", [fix(3)])
    again = KeptFixes(path)
    assert again.of("lobby") == (fix(1), fix(2))
    assert again.of("tram") == (fix(3),)
    assert again.of("nowhere") == ()


def test_what_was_told_is_gone(path):
    kept = KeptFixes(path)
    kept.set("lobby", [fix(1), fix(2)])
    kept.set("lobby", [fix(2)])
    assert KeptFixes(path).of("lobby") == (fix(2),)
    kept.set("lobby", [])
    assert KeptFixes(path).of("lobby") == ()
    assert not path.exists(), "nobody's positions lie around"


def test_what_did_not_change_is_not_written(path):
    kept = KeptFixes(path)
    kept.set("lobby", [fix(1)])
    path.unlink()
    kept.set("lobby", [fix(1)])
    kept.set("tram", [])
    assert not path.exists()


def test_only_its_owner_reads_it(path):
    KeptFixes(path).set("lobby", [fix(1)])
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1, "rooms": {"lobby": [{"latitude": 99}]}}'])
def test_what_cannot_be_read_is_set_aside(path, content, caplog):
    path.write_bytes(content)
    kept = KeptFixes(path)
    assert kept.of("lobby") == ()
    assert "set aside" in caplog.text
    assert [each.read_bytes() for each in path.parent.iterdir()] == [content]
    kept.set("lobby", [fix(1)])
    assert KeptFixes(path).of("lobby") == (fix(1),)


def test_a_file_of_a_newer_version_is_left_as_it_is(path):
    path.write_text('{"version": 2}')
    with pytest.raises(ValueError, match="newer"):
        KeptFixes(path)
    assert path.read_text() == '{"version": 2}'


def test_a_disk_that_fails_ends_no_ride(path, caplog):
    kept = KeptFixes(path)
    path.with_name("kept.json-new").mkdir()  # where it would write
    kept.set("lobby", [fix(1)])
    assert kept.of("lobby") == (fix(1),)
    assert "could not be written" in caplog.text
    path.with_name("kept.json-new").rmdir()
    kept.set("lobby", [fix(1), fix(2)])
    assert KeptFixes(path).of("lobby") == (fix(1), fix(2))


def test_it_shows_itself_in_a_line(path):
    kept = KeptFixes(path)
    kept.set("lobby", [fix(1), fix(2)])
    assert repr(kept) == "<KeptFixes kept.json: 2 fixes>"
