"""The stock server and the stock client are what the other tests take them for."""

import pytest

pytestmark = pytest.mark.node


async def test_the_stock_pair_talks(stock_server, stock_client):
    server = await stock_server(pingInterval=300, pingTimeout=5000)
    client = await stock_client(server.url, auth={"token": "t"})
    assert (await client.tells("event"))["event"] == ["auth", {"token": "t"}]
    await client.do(call=["message-with-ack", b"\x00\xff", {"n": 1}])
    assert (await client.tells(ack="message-with-ack"))["args"] == [b"\x00\xff", {"n": 1}]
    await server.do(emitWithAck=["question", 7])
    assert (await server.tells("acked"))["acked"] == ["heard", "question"]
    await server.tells(heartbeat=2)


async def test_the_stock_pair_recovers(stock_server, stock_client):
    server = await stock_server(connectionStateRecovery={"maxDisconnectionDuration": 120_000})
    client = await stock_client(server.url, reconnectionDelay=10)
    await client.tells(recovered=False)
    await server.do(emit=["news", 0])
    await client.find(lambda line: '"news"' in line or None)
    await server.do(dropAndEmit={"how": "terminate", "event": ["news", 1]})
    await client.tells(recovered=True)
    heard = [told["event"][:2] for told in client.told if "event" in told]
    assert ["news", 1] in heard


async def test_a_client_that_drops_its_transport_comes_back(stock_server, stock_client):
    server = await stock_server()
    client = await stock_client(server.url, reconnectionDelay=10)
    await client.tells("connect")
    await client.do(drop=True)
    await client.tells(disconnect="transport close")
    await server.tells("disconnect")
    await client.tells_times(2, "connect")
