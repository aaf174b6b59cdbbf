"""The SQLite engine on disks that fail for real, and under clocks that jump: a clear error, and on it goes."""

import random

import pytest

from realtime.server.engine.base import Appended, EngineError, NotApplied
from realtime.server.engine.sqlite import SqliteEngine
from realtime.utils import ambient
from tests.faulty_disk import locked_by_another_process, small_disk
from tests.server.engine.rig import Rig, change, draft

LARGE = b'{"text":"%b"}' % (b"x" * 100_000)  # more than the log beside the database has room for already
HOUR_S = 3600


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def engine(path, **options):
    return SqliteEngine(path, rng=random.Random(0), lock_timeout_s=0.05, **options)


def check_refused(answers, words):
    for answer in answers:
        assert isinstance(answer, EngineError)
        assert not isinstance(answer, NotApplied)  # it is worth trying again
        assert words in str(answer)
        assert "nothing was stored" in str(answer)


def check_whole(path, offsets):
    """Another engine on the same file finds what was acknowledged, and nothing else."""
    with Rig(engine(path)) as rig:
        assert [record.offset for record in rig.read().records] == offsets


def attempts():
    """A message, an amendment and a message in a new room."""
    return [draft("m2", body=LARGE), change("edit", "m1", "c1", text="new"), draft("m3", "new room", body=LARGE)]


@pytest.mark.needs("mount")
def test_a_full_disk_is_told_and_after_it_has_room_again_all_goes_on(disk):
    path = disk.path / "rooms.db"
    with Rig(engine(path)) as rig:
        rig.append_all([draft("m1", body=b'{"text":"old"}')])
        disk.fill()
        for _ in range(3):
            check_refused(rig.append_all(attempts()), "the disk is full; free some space")
        assert len(rig.delivered) == 1
        assert [body["text"] for body in rig.bodies()] == ["old"]  # reading goes on
        disk.free()
        assert [answer.offset for answer in rig.append_all(attempts())] == [2, 3, 1]
        assert rig.mark("ben", read=3).read == 3
    check_whole(path, [1, 2, 3])


@pytest.mark.needs("mount")
def test_a_full_disk_at_the_start_is_told_and_leaves_nothing_that_is_in_the_way(disk):
    path = disk.path / "rooms.db"
    disk.fill()
    rig = Rig(engine(path))
    with pytest.raises(EngineError, match=r"rooms\.db: (the disk is full|no space left)"), rig:
        pass
    disk.free()
    with rig:
        assert rig.append("m1").offset == 1
    check_whole(path, [1])


def test_a_database_that_another_process_has_locked_is_told_and_free_again_it_goes_on(tmp_path):
    path = tmp_path / "rooms.db"
    with Rig(engine(path)) as rig:
        rig.append_all([draft("m1", body=b'{"text":"old"}')])
        with locked_by_another_process(path):
            for _ in range(2):
                check_refused(rig.append_all(attempts()), "locked by another program")
            assert rig.read().last == 1
            assert rig.find("m1").offset == 1
        assert [answer.offset for answer in rig.append_all(attempts())] == [2, 3, 1]
    check_whole(path, [1, 2, 3])


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path):
    path = tmp_path / "rooms.db"
    with Rig(SqliteEngine(path, rng=random.Random(0), lock_timeout_s=20)) as rig:
        with locked_by_another_process(path):
            answers = []
            rig.engine.append(draft("m1"), answers.append)
        rig.append("m2")
        assert [answer.offset for answer in answers] == [1]


@pytest.mark.needs("mount")
def test_a_folder_that_is_read_only_is_told_and_writable_again_it_is_used(disk):
    path = disk.path / "rooms.db"
    with Rig(engine(path)) as rig:
        rig.append("m1")
    disk.remount("ro")
    rig = Rig(engine(path))
    with pytest.raises(EngineError, match=r"rooms\.db: .*read-only"), rig:
        pass
    disk.remount("rw")
    with rig:
        assert rig.append("m2").offset == 2
    check_whole(path, [1, 2])


def test_rights_that_are_taken_away_while_it_runs_lose_nothing(tmp_path):
    path = tmp_path / "rooms.db"
    with Rig(engine(path)) as rig:
        rig.append("m1")
        for part in (*tmp_path.iterdir(), tmp_path):
            part.chmod(0o555 if part.is_dir() else 0o444)
        answer = rig.append("m2")  # files that are open stay writable
        for part in (tmp_path, *tmp_path.iterdir()):
            part.chmod(0o755 if part.is_dir() else 0o644)
        if isinstance(answer, EngineError):
            assert "read-only" in str(answer) or "writ" in str(answer)
        assert isinstance(rig.append("m3"), Appended)
    check_whole(path, [1, 2, 3] if isinstance(answer, Appended) else [1, 2])


class Clock:
    """A wall clock that is set by hand; drafts take their time from it."""

    def __init__(self, now_s):
        self.now_s = now_s

    def installed(self):
        return ambient.installed(wall_clock=lambda: self.now_s, source=random.Random(0))

    def draft(self, message_id):
        return draft(message_id, timestamp_ms=round(self.now_s * 1000))


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_and_jumps_back_keeps_order_ids_and_what_is_young(tmp_path, jump_s):
    clock = Clock(1_000_000.0)
    # 72 s of age are looked at every 72 / 20 = 3.6 s of the loop's clock: here, whenever the engine starts.
    with clock.installed(), Rig(engine(tmp_path / "rooms.db", max_age_s=24 * HOUR_S)) as rig:
        offsets = []
        for n, jump in enumerate([0, jump_s, -jump_s, jump_s, -jump_s]):
            clock.now_s += jump
            [answer] = rig.append_all([clock.draft(f"m{n}")])
            [again] = rig.append_all([clock.draft(f"m{n}")])
            assert (again.offset, again.timestamp_ms, again.duplicate) == (answer.offset, answer.timestamp_ms, True)
            offsets.append(answer.offset)
            rig.run(rig.engine.stop())
            rig.run(rig.engine.start(rig._deliver))  # a sweep
        assert offsets == [1, 2, 3, 4, 5]
        assert rig.ids() == ["m0", "m1", "m2", "m3", "m4"]


def test_only_what_is_too_old_by_the_clock_goes_and_what_is_stamped_in_its_future_stays(tmp_path):
    clock = Clock(1_000_000.0)
    with clock.installed(), Rig(engine(tmp_path / "rooms.db", max_age_s=1.5 * HOUR_S)) as rig:

        def at(now_s, message_id):
            clock.now_s = 1_000_000.0 + now_s
            rig.append_all([clock.draft(message_id)])
            rig.run(rig.engine.stop())
            rig.run(rig.engine.start(rig._deliver))  # a sweep
            rig.append_all([clock.draft(message_id)])  # behind it
            return rig.ids()

        assert at(0, "m0") == ["m0"]
        assert at(HOUR_S, "m1") == ["m0", "m1"]
        assert at(-HOUR_S, "m2") == ["m0", "m1", "m2"]  # an hour before all, and nothing is lost
        assert at(2 * HOUR_S, "m3") == ["m1", "m2", "m3"]  # m0 is two hours old; m2 waits behind m1
        assert rig.append("m0").duplicate
