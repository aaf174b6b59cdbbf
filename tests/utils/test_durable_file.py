"""A small file that is there as a whole or not at all."""

import os

import pytest

from realtime.sim.world import simulate
from realtime.utils.durable_file import read_file, replace_file, set_file_aside


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "state"
    assert read_file(path) is None
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert read_file(path) == b"two"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_nothing_is_no_file(tmp_path):
    path = tmp_path / "state"
    replace_file(path, b"one")
    replace_file(path, None)
    replace_file(path, None)
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes")
def test_only_its_owner_reads_it(tmp_path):
    replace_file(tmp_path / "state", b"one")
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_set_aside_does_not_replace_another_one(tmp_path):
    path = tmp_path / "state"
    for content in (b"one", b"two"):
        replace_file(path, content)
        set_file_aside(path)
    assert sorted(each.read_bytes() for each in tmp_path.iterdir()) == [b"one", b"two"]


def test_after_a_crash_it_is_the_old_or_the_new_one():
    async def main(world):
        class App:
            def __init__(self, machine):
                self.path = machine.disk.path / "state"

        machine = world.machine("ana", App)
        with machine.inside():
            replace_file(machine.app.path, b"one")
        world.crash("ana", for_s=1)
        await world.until(2)
        assert read_file(machine.app.path) == b"one"

    simulate(main)
