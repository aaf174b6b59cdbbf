"""The stock Node Socket.IO server and client as fixtures, and ours to talk to them."""

import contextlib
import json
from pathlib import Path

import pytest

from realtime.chat.chat_client import ChatClient
from realtime.connection.socket_manager import SocketManager
from realtime.server.realtime_server import RealtimeServer
from tests.interop.node_packages import NodeMissing, installed_node
from tests.processes import JsonChild

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node():
    """The path of ``node``, with the stock packages installed beside these tests."""
    try:
        return installed_node()
    except NodeMissing as error:
        pytest.skip(str(error))


@pytest.fixture
async def stock_server(node):
    """Starts the stock server: ``server = await stock_server(port=0, pingInterval=300)``, then ``server.url``."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options):
            server = await stack.enter_async_context(JsonChild(node, HERE / "stock_server.js", json.dumps(options)))
            server.port = (await server.tells("ready"))["ready"]
            server.url = f"http://127.0.0.1:{server.port}"
            return server

        yield start


@pytest.fixture
async def stock_client(node):
    """Starts a stock client: ``client = await stock_client(url, auth={"userId": "ana"})``."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(url, **options):
            command = JsonChild(node, HERE / "stock_client.js", url, json.dumps(options))
            return await stack.enter_async_context(command)

        yield start


@pytest.fixture
async def server():
    async with RealtimeServer(port=0) as server:
        yield server


@pytest.fixture
async def ben(server):
    """Our client."""
    async with SocketManager(server.url, auth={"userId": "ben", "deviceId": "ben-phone"}) as socket:
        yield socket


@pytest.fixture
async def chat(ben):
    """Ben's, in the lobby."""
    with contextlib.closing(ChatClient(ben, user_id="ben")) as chat:
        await chat.join("lobby")
        yield chat
