"""The file of an outbox: whose it is, what it is, and what happens to what it is not."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.connection.errors import OutboxError
from realtime.connection.message_queue import QueuedMessage
from realtime.connection.outbox_file import OutboxFile, StoredMessage
from realtime.protocol.socketio import encode_event

HOLD = "import sys; from pathlib import Path; from realtime.connection.outbox_file import OutboxFile; "
HOLD += "file = OutboxFile(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


def stored(message_id: int, *args: object) -> StoredMessage:
    packet = encode_event("say", args, ack_id=message_id)
    message = QueuedMessage(message_id, "say", args, True, packet.text, packet.attachments, 0.0)
    return StoredMessage(message, 1000 + message_id)


def filled(path: Path, count: int = 3) -> None:
    file = OutboxFile(path)
    for number in range(1, count + 1):
        file.change(add=stored(number, "x" * 2000))
    file.close()


def test_what_was_added_and_not_removed_is_there_again_in_order(path: Path) -> None:
    file = OutboxFile(path)
    assert (file.messages, file.last_id, file.set_aside) == ([], 0, None)
    for number in (1, 2, 3):
        file.change(add=stored(number, {"n": number, "picture": b"\x00\xff"}, b"more"), last_id=10)
    file.change(remove=[2, 77])
    file.close()
    file.close()
    again = OutboxFile(path)
    assert [(each.message.message_id, each.queued_at_ms) for each in again.messages] == [(1, 1001), (3, 1003)]
    [message, _] = [each.message for each in again.messages]
    assert (message.event, message.args) == ("say", ({"n": 1, "picture": b"\x00\xff"}, b"more"))
    assert (message.text, message.attachments, message.writes) == (*encode_event("say", message.args, ack_id=1), 1)
    assert again.last_id == 10
    again.close()


def test_a_closed_file_says_so(path: Path) -> None:
    file = OutboxFile(path)
    file.close()
    with pytest.raises(OutboxError, match="was closed"):
        file.change(add=stored(1))


@pytest.mark.clause("RT-QUEUE-5")
@pytest.mark.skipif(sys.platform == "win32", reason="there are no POSIX locks")
def test_another_program_is_kept_out_and_told_who_has_it(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutboxError, match=rf"outbox\.sqlite.*process {other.pid}.*another outbox"):
            OutboxFile(path)
        other.kill()
        other.wait()
    OutboxFile(path).close()


def test_within_a_program_the_later_one_has_it(path: Path) -> None:
    older, newer = OutboxFile(path), OutboxFile(path)
    newer.change(add=stored(1))
    with pytest.raises(OutboxError, match="opened again"):
        older.change(add=stored(2))
    older.close()
    newer.change(add=stored(3))
    newer.close()
    assert [each.message.message_id for each in OutboxFile(path).messages] == [1, 3]


def text(path: Path) -> None:
    path.write_text("shopping list: " + "milk " * 100)


def somebody_elses(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    db.close()


def torn(path: Path) -> None:
    filled(path)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)  # all but the first page
    path.write_bytes(data)


def cut(path: Path) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[:5000])


def nonsense_inside(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE messages SET text = 'nonsense' WHERE message_id = 2")
    db.close()


def lost_but_for_its_wal(path: Path) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(b"what was written last")


@pytest.mark.clause("RT-QUEUE-5")
@pytest.mark.parametrize("spoil", [text, somebody_elses, torn, cut, nonsense_inside, lost_but_for_its_wal])
def test_what_is_no_outbox_or_a_damaged_one_is_renamed_and_said(
    path: Path, spoil: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    spoil(path)
    before = path.read_bytes() if path.exists() else b""
    file = OutboxFile(path)
    aside = path.with_name("outbox.sqlite.set-aside-1")
    assert (file.set_aside, file.messages) == (aside, [])
    assert str(path) in caplog.text
    assert aside.name in caplog.text
    file.change(add=stored(1))
    file.close()
    if before:
        assert aside.read_bytes() == before
    else:
        assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"what was written last"
    again = OutboxFile(path)
    assert (again.set_aside, len(again.messages)) == (None, 1)
    again.close()


def test_a_second_one_set_aside_gets_another_name(path: Path) -> None:
    for number in (1, 2):
        text(path)
        file = OutboxFile(path)
        assert file.set_aside == path.with_name(f"outbox.sqlite.set-aside-{number}")
        file.close()
        path.unlink()


def test_an_outbox_of_a_newer_version_is_left_as_it_is(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    for _ in range(2):
        with pytest.raises(OutboxError, match=r"version 9.*Upgrade"):
            OutboxFile(path)
    assert path.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match=r"nowhere/outbox.*no such file.*writable folder"):
        OutboxFile(tmp_path / "nowhere" / "outbox")


def test_each_durable_change_is_told(path: Path) -> None:
    told: list[str] = []
    file = OutboxFile(path, synced=lambda each: told.append(each.name))
    told.clear()
    file.change(add=stored(1))
    assert told == ["outbox.sqlite", "outbox.sqlite-wal"]
    file.close()
