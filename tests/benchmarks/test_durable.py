"""The benchmark of durable messages runs, and a refusal fails it."""

import asyncio
from pathlib import Path

import pytest

from tests.benchmarks import durable
from tests.benchmarks.client import BenchError
from tests.benchmarks.durable import Measured, publish, table

linux_only = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="run on Linux: it reads /proc")


@linux_only
def test_a_tiny_run_measures_both_stores(capsys, tmp_path):
    durable.main(["--clients", "2", "--window", "4", "--messages", "20", "--rounds", "1", "--folder", str(tmp_path)])
    header, *rows = capsys.readouterr().out.splitlines()
    assert "acked/s" in header
    assert [row.split()[0] for row in rows] == ["sqlite", "memory"]
    assert all(float(row.split()[1]) > 0 for row in rows)


class FakeClient:
    """Answers each frame at once, with its own text."""

    def __init__(self):
        self.transport = self
        self.written = []

    def write(self, data):
        self.written.append(data)
        asyncio.get_running_loop().call_soon(self.on_ack, data)


async def test_everything_is_sent_and_a_refusal_fails_the_run():
    client, ok = FakeClient(), b'43["ok":true]'
    await publish(client, [ok] * 10, 1)
    assert len(client.written) == 10
    with pytest.raises(BenchError, match="refused"):
        await publish(client, [ok, b"no", ok], 1)


def test_the_table_shows_medians():
    rows = [Measured("sqlite", rate, 40.0) for rate in (1000.0, 3000.0, 2000.0)]
    assert table(rows).splitlines()[1].split() == ["sqlite", "2000", "1000–3000", "40.0"]
