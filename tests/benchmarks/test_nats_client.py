"""The raw NATS client speaks to a real nats-server, and the stock client finds what it published."""

import asyncio
import json
import os

import nats
import pytest

from tests.benchmarks.client import BenchError
from tests.benchmarks.nats_client import NatsClient, publish_frame
from tests.benchmarks.nats_server import nats_server

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the benchmark is for Linux")


async def test_what_it_publishes_is_stored_once_in_a_file_and_acknowledged(tmp_path):
    acks = asyncio.Queue()
    with nats_server(tmp_path, always_sync=True) as server:
        client = await NatsClient.connect("127.0.0.1", server.port)
        await client.ask("$JS.API.STREAM.CREATE.BENCH", {"name": "BENCH", "subjects": ["bench.>"], "storage": "file"})
        client.on_ack = acks.put_nowait
        frames = [publish_frame("bench.a", f"a:{n}", b'{"n":%d}' % n, f"{client.inbox}.{n}") for n in (1, 2, 2)]
        for number, frame in enumerate(frames):
            client.transport.write(frame[:7] if number == 0 else frame)
            if number == 0:
                client.transport.write(frame[7:])
        told = [json.loads(await asyncio.wait_for(acks.get(), 10)) for _ in frames]
        assert [(ack["seq"], ack.get("duplicate", False)) for ack in told] == [(1, False), (2, False), (2, True)]
        stock = await nats.connect(f"nats://127.0.0.1:{server.port}")
        try:
            info = await stock.jetstream().stream_info("BENCH")
            first = await stock.jetstream().get_msg("BENCH", 1)
        finally:
            await stock.close()
        assert (info.state.messages, info.config.storage) == (2, "file")
        assert first.data == b'{"n":1}'
        client.close()


async def test_a_refusal_is_an_error(tmp_path):
    with nats_server(tmp_path, always_sync=False) as server:
        client = await NatsClient.connect("127.0.0.1", server.port)
        with pytest.raises(BenchError, match="stream not found"):
            await client.ask("$JS.API.STREAM.INFO.NOWHERE", {})
        client.close()


@pytest.mark.parametrize("always_sync", [True, False])
def test_the_server_says_that_it_syncs_as_it_was_told(tmp_path, always_sync):
    with nats_server(tmp_path, always_sync=always_sync) as server:
        assert server.always_syncs is always_sync
