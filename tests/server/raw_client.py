"""A client that speaks packets, and nothing else: what is sent and received is what the test says."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


class RawClient:
    """A WebSocket to the server, past Engine.IO's handshake."""

    def __init__(self, websocket, deadline_s):
        self.websocket = websocket
        self.deadline_s = deadline_s
        self.handshake = None
        self.sid = None
        self.pid = None
        self.offset = None  # of the last event that was taken by :meth:`event`
        self.answers_pings = True
        self._ack_id = 0
        self._put_aside = []

    async def send(self, text):
        """Send one frame: text as str, binary as bytes."""
        await self.websocket.send(text)

    async def receive(self):
        """The next frame that is no ping (pings are answered)."""
        if self._put_aside:
            return self._put_aside.pop(0)
        while True:
            frame = await asyncio.wait_for(self.websocket.recv(), self.deadline_s)
            if frame != "2":
                return frame
            if self.answers_pings:
                await self.send("3")

    async def join_namespace(self, auth=None, namespace="/"):
        """Send CONNECT and return the session id; the answer must be an acceptance."""
        prefix = "" if namespace == "/" else f"{namespace},"
        await self.send(f"40{prefix}{'' if auth is None else json.dumps(auth)}")
        answer = await self.receive()
        assert answer.startswith(f"40{prefix}{{"), answer
        ids = json.loads(answer[2 + len(prefix) :])
        self.sid, self.pid = ids["sid"], ids.get("pid")
        return self.sid

    async def resume(self, other, auth=None, namespace="/", **changed):
        """Go on with another client's session; returns the missed events, and notes the answer's ids.

        ``pid`` and ``offset`` are the other client's, unless they are given.
        """
        wish = {"pid": other.pid, "offset": other.offset} | changed
        prefix = "" if namespace == "/" else f"{namespace},"
        wish = {key: value for key, value in wish.items() if value is not None}
        await self.send(f"40{prefix}{json.dumps((auth or {}) | wish)}")
        missed = []
        while not (frame := await self.receive()).startswith(f"40{prefix}{{"):
            assert frame.startswith(f"42{prefix}"), frame
            missed.append(json.loads(frame[2 + len(prefix) :]))
            self.offset = missed[-1].pop()
        ids = json.loads(frame[2 + len(prefix) :])
        self.sid, self.pid = ids["sid"], ids["pid"]
        return missed

    async def ask(self, event, *args):
        """Send an event and return its ack id, without waiting."""
        self._ack_id += 1
        await self.send(f"42{self._ack_id}{json.dumps([event, *args])}")
        return self._ack_id

    async def answer(self, ack_id):
        """The answer's first argument; events that come before are kept for :meth:`event`."""
        kept = []
        while True:
            frame = await self.receive()
            if frame.startswith(f"43{ack_id}["):
                self._put_aside = kept + self._put_aside
                return next(iter(json.loads(frame[2 + len(str(ack_id)) :])), None)
            kept.append(frame)

    async def call(self, event, *args):
        """Send an event and return the first argument of its answer."""
        return await self.answer(await self.ask(event, *args))

    async def event(self, name=None):
        """The next event as (name, *args), offset noted; with ``name``, the next of that name, others dropped."""
        while True:
            frame = await self.receive()
            assert frame.startswith("42"), frame
            event = json.loads(frame[2:])
            if self.pid is not None:
                self.offset = event.pop()
            if name in (None, event[0]):
                return tuple(event)

    async def closed(self):
        """Wait for the server to close; return (code, reason)."""
        with pytest.raises(ConnectionClosed) as closed:
            await self._receive_for_ever()
        assert closed.value.rcvd is not None, "the connection broke without a close frame"
        return closed.value.rcvd.code, closed.value.rcvd.reason

    async def _receive_for_ever(self):
        while True:
            await self.receive()


@contextlib.asynccontextmanager
async def raw_client(server, user_id=None, *, room=None, device_id=None, connected=True, deadline_s=30):
    """A client of a running server: connected as ``user_id`` unless told otherwise, in ``room`` if given."""
    url = f"{server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    async with connect(url, compression=None, proxy=None, ping_interval=None, close_timeout=1) as websocket:
        client = RawClient(websocket, deadline_s)
        opening = await client.receive()
        assert opening.startswith("0{")
        client.handshake = json.loads(opening[1:])
        if connected:
            auth = {key: value for key, value in {"userId": user_id, "deviceId": device_id}.items() if value}
            await client.join_namespace(auth or None)
            if room is not None:
                assert (await client.call("room:join", {"roomId": room}))["ok"]
        yield client
