"""A real client session against a real server session: no loop, no socket, time as a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol import client_session as client
from realtime.protocol import server_session as server
from realtime.protocol.client_session import ClientSession, ClientState, Recovery
from realtime.protocol.engineio import Text
from realtime.protocol.server_session import ServerSession, ServerState


class Pair:
    """Two machines and the frames between them; nothing moves before :meth:`pump`."""

    def __init__(self, *, now=0.0, raw=False, **options):
        self.now = now
        self.raw = raw
        self.server = ServerSession(sid="eio", now=now, ping_interval_s=25.0, ping_timeout_s=20.0, max_payload=100_000)
        self.client = ClientSession(**options)

    def to_client(self):
        """Deliver what the server has to send."""
        return [
            event
            for frame in self.server.data_to_send()
            for event in (
                self.client.receive_text(frame.data)
                if isinstance(frame, Text)
                else self.client.receive_binary(frame.data)
            )
        ]

    def to_server(self):
        """Deliver what the client has to send."""
        text = self.server.receive_raw if self.raw else self.server.receive_text
        return [
            event
            for frame in self.client.data_to_send()
            for event in (
                text(frame.data, self.now)
                if isinstance(frame, Text)
                else self.server.receive_binary(frame.data, self.now)
            )
        ]

    def open(self):
        """Get as far as the client's request."""
        [_] = self.to_client()
        [request] = self.to_server()
        return request

    def connect(self, **ids):
        """Get as far as the connected namespace."""
        self.server.accept(self.open().namespace, "sio", **ids)
        [connected] = self.to_client()
        return connected


@pytest.mark.parametrize("namespace", ["/", "/custom", "/ä"])
def test_they_connect_and_talk(namespace):
    pair = Pair(namespace=namespace, auth={"token": "t"})
    assert pair.open() == server.ConnectRequested(namespace, {"token": "t"}, None, None)
    pair.server.accept(namespace, "sio")
    assert pair.to_client() == [client.Connected("sio", None, False)]

    pair.client.send_event("ask", ["é", {"n": 1}], ack_id=0)
    assert pair.to_server() == [server.EventReceived(namespace, "ask", ("é", {"n": 1}), 0)]
    pair.server.send_ack(0, [{"ok": True}], namespace=namespace)
    assert pair.to_client() == [client.AckReceived(0, ({"ok": True},))]

    pair.server.send_event("ask", [1], namespace=namespace, ack_id=5)
    assert pair.to_client() == [client.EventReceived("ask", (1,), 5)]
    pair.client.send_ack(5, [2])
    assert pair.to_server() == [server.AckReceived(namespace, 5, (2,))]

    pair.client.send_disconnect()
    assert pair.to_server() == [server.NamespaceLeft(namespace)]
    assert pair.client.state is ClientState.CLOSED


def test_a_refused_namespace_ends_the_client_and_not_the_connection():
    pair = Pair(namespace="/random")
    pair.open()
    pair.server.refuse("/random", "Invalid namespace", {"hint": "/"})
    assert pair.to_client() == [client.ConnectFailed("Invalid namespace", {"hint": "/"})]
    assert pair.client.state is ClientState.CLOSED
    assert pair.server.state is ServerState.OPEN


@pytest.mark.parametrize("raw", [False, True])
def test_binary_goes_both_ways(raw):
    pair = Pair(raw=raw)
    pair.connect()
    pair.client.send_event("photo", [{"jpeg": b"\xff\xd8", "thumbs": [b"1", b""]}], ack_id=1)
    assert pair.to_server() == [server.EventReceived("/", "photo", ({"jpeg": b"\xff\xd8", "thumbs": [b"1", b""]},), 1)]
    pair.server.send_ack(1, [b"ok"])
    pair.server.send_event("photo", [b"2"], ack_id=2)
    assert pair.to_client() == [client.AckReceived(1, (b"ok",)), client.EventReceived("photo", (b"2",), 2)]
    pair.client.send_ack(2, [b"3"])
    assert pair.to_server() == [server.AckReceived("/", 2, (b"3",))]


def test_a_session_is_recovered_and_hears_what_it_missed_first():
    before = Pair()
    assert before.connect(pid="p") == client.Connected("sio", "p", False)
    before.server.send_event("news", [1, "o1"])
    before.to_client()
    assert before.client.recovery == Recovery("p", "o1")

    after = Pair(auth={"token": "t"}, recover=before.client.recovery)
    assert after.open() == server.ConnectRequested("/", {"token": "t"}, "p", "o1")
    after.server.send_event("news", [2, "o2"])
    after.server.send_event("news", [b"3", "o3"])
    after.server.accept("/", "sio", "p")
    assert after.to_client() == [
        client.Connected("sio", "p", True),
        client.EventReceived("news", (2, "o2"), None),
        client.EventReceived("news", (b"3", "o3"), None),
    ]
    assert after.client.recovery == Recovery("p", "o3")


def test_a_session_that_cannot_be_recovered_is_a_new_one():
    pair = Pair(recover=Recovery("p", "o1"))
    assert pair.connect(pid="q") == client.Connected("sio", "q", False)
    assert pair.client.recovery == Recovery("q", None)


def test_pings_keep_an_idle_connection_alive_for_a_day():
    pair = Pair()
    pair.connect()
    pings = 0
    while pair.now < 86_400:
        pair.now = pair.server.next_timer()
        assert pair.server.handle_timer(pair.now) == []
        pings += pair.to_client().count(client.PingReceived())
        assert pair.to_server() == []
    assert pings == 86_400 / 25


def test_a_client_behind_a_dead_link_is_given_up_at_45_seconds():
    pair = Pair()
    pair.connect()
    events = []
    while not events:
        pair.now = pair.server.next_timer()
        events = pair.server.handle_timer(pair.now)  # and nothing is delivered
    assert (pair.now, events) == (45.0, [server.TimedOut("ping timeout")])


def test_an_expelled_client_and_its_last_words_cross_on_the_way():
    pair = Pair()
    pair.connect()
    pair.client.send_event("last words", [])
    pair.server.send_disconnect()
    assert pair.to_server() == []
    assert pair.to_client() == [client.Disconnected()]


arguments = st.lists(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.binary(max_size=5), max_size=4
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["client", "server"]), arguments, st.none() | st.integers(0, 10**15 - 1)), max_size=8
    )
)
def test_whatever_one_side_may_send_the_other_understands_in_order(sent):
    pair = Pair(namespace="/n")
    pair.connect()
    for side, args, ack_id in sent:
        if side == "client":
            pair.client.send_event("e", args, ack_id=ack_id)
        else:
            pair.server.send_event("e", args, namespace="/n", ack_id=ack_id)
    assert [(event.args, event.ack_id) for event in pair.to_server()] == [
        (tuple(args), ack_id) for side, args, ack_id in sent if side == "client"
    ]
    assert [(event.args, event.ack_id) for event in pair.to_client()] == [
        (tuple(args), ack_id) for side, args, ack_id in sent if side == "server"
    ]
