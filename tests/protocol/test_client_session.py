"""One connection lifetime as the client sees it: open, connect, talk, close."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.client_session import (
    AckReceived,
    ClientSession,
    ClientState,
    Connected,
    ConnectFailed,
    Disconnected,
    EngineClosed,
    EventReceived,
    Opened,
    PingReceived,
    Recovery,
)
from realtime.protocol.engineio import Binary, Handshake, Text
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError

OPEN = b'0{"sid":"eio","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000}'
HOLE = b'{"_placeholder":true,"num":0}'


def opened(**options):
    """A session that has sent its CONNECT, and what it sent."""
    session = ClientSession(**options)
    assert session.receive_text(OPEN) == [Opened(Handshake("eio", 25_000, 20_000, 1000))]
    [frame] = session.data_to_send()
    return session, frame.data


def connected(reply=b'40{"sid":"s"}', **options):
    session, _ = opened(**options)
    session.receive_text(reply)
    assert session.state is ClientState.CONNECTED
    return session


def in_state(state):
    if state is ClientState.OPENING:
        return ClientSession()
    if state is ClientState.CONNECTING:
        return opened()[0]
    session = connected()
    if state is ClientState.CLOSED:
        session.send_disconnect()
        session.data_to_send()
    return session


def test_nothing_is_sent_before_the_server_opens():
    session = ClientSession()
    assert session.state is ClientState.OPENING
    assert session.data_to_send() == []
    assert session.recovery is None


@pytest.mark.parametrize(
    ("options", "connect"),
    [
        ({}, b"40"),
        ({"auth": {}}, b"40{}"),
        ({"auth": {"token": "t"}}, b'40{"token":"t"}'),
        ({"namespace": "/custom"}, b"40/custom,"),
        ({"recover": Recovery("p", "o")}, b'40{"pid":"p","offset":"o"}'),
        ({"recover": Recovery("p", None)}, b'40{"pid":"p"}'),
        ({"auth": {"token": "t"}, "recover": Recovery("p", "o")}, b'40{"token":"t","pid":"p","offset":"o"}'),
    ],
)
def test_it_asks_for_its_namespace_as_soon_as_the_server_opens(options, connect):
    session, sent = opened(**options)
    assert sent == connect
    assert session.state is ClientState.CONNECTING
    assert session.data_to_send() == []


@pytest.mark.parametrize(
    "options",
    [
        {"auth": {"pid": 1}},
        {"auth": {"offset": "o"}},
        {"auth": {"pid": "p"}, "recover": Recovery("p", "o")},
        {"auth": {"x": object}},
        {"auth": {"x": b"x"}},
        {"auth": ["x"]},
        {"namespace": "custom"},
    ],
    ids=repr,
)
def test_an_impossible_request_fails_before_there_is_a_connection(options):
    with pytest.raises(LocalProtocolError):
        ClientSession(**options)


def test_a_connection_from_open_to_goodbye():
    session = connected()
    session.send_event("hello", ["ana", {"n": 1}])
    session.send_event("ask", ack_id=7)
    session.send_ack(3, ["ok"])
    session.send_disconnect()
    assert session.data_to_send() == [
        Text(b'42["hello","ana",{"n":1}]'),
        Text(b'427["ask"]'),
        Text(b'433["ok"]'),
        Text(b"41"),
    ]
    assert session.state is ClientState.CLOSED


def test_what_the_server_says_becomes_events():
    session = connected()
    assert session.receive_text(b'42["hello",1,[2]]') == [EventReceived("hello", (1, [2]), None)]
    assert session.receive_text(b'425["ask"]') == [EventReceived("ask", (), 5)]
    assert session.receive_text(b'433["ok",1]') == [AckReceived(3, ("ok", 1))]
    assert session.receive_text(b"2") == [PingReceived()]
    assert session.data_to_send() == [Text(b"3")]
    assert session.receive_text(b"41") == [Disconnected()]
    assert session.state is ClientState.CLOSED


def test_an_event_comes_in_one_step_and_everything_else_in_the_usual_ones():
    assert ClientSession().receive_event(b'42["hello"]') is None, "it is not connected"
    session = connected()
    assert session.receive_event(b'425["hello",1]') == EventReceived("hello", (1,), 5)
    for other in (b'433["ok",1]', b"2", b"41", b'42["broken"', b'451-["photo",{"_placeholder":true,"num":0}]', b""):
        assert session.receive_event(other) is None
    assert session.state is ClientState.CONNECTED


def test_a_ping_is_answered_with_its_own_payload():
    session = connected()
    session.receive_text(b"2probe")
    assert session.data_to_send() == [Text(b"3probe")]


@pytest.mark.parametrize(
    ("text", "event"),
    [
        (b'42["a"]', EventReceived("a", (), None)),
        (b'42["a",1,{"b":[]},"end"]', EventReceived("a", (1, {"b": []}, "end"), None)),
        (b'4217["a",null]', EventReceived("a", (None,), 17)),
        (b'42["quo\\"te"]', EventReceived('quo"te', (), None)),
        (b'42[ "a" , 1 ]', EventReceived("a", (1,), None)),
        (b'42["' + b"n" * 100 + b'"]', EventReceived("n" * 100, (), None)),
    ],
    ids=["bare", "arguments", "ack", "escape", "spaces", "long name"],
)
@pytest.mark.parametrize("pid", [True, False])
def test_an_event_is_the_same_however_it_is_written(text, event, pid):
    session = connected(b'40{"sid":"s","pid":"p"}' if pid else b'40{"sid":"s"}')
    assert session.receive_text(text) == [event]
    assert session.recovery == (Recovery("p", "end" if b"end" in text else None) if pid else None)
    assert not session.has_data_to_send


def test_it_knows_whether_there_is_anything_to_send():
    session = connected()
    assert not session.has_data_to_send
    session.receive_text(b"2")
    assert session.has_data_to_send
    session.data_to_send()
    assert not session.has_data_to_send


def test_another_namespace_than_the_default_works_alike():
    session = connected(b'40/custom,{"sid":"s"}', namespace="/custom")
    assert session.receive_text(b'42/custom,["a"]') == [EventReceived("a", (), None)]
    session.send_event("a", [b"x"], ack_id=1)
    session.send_ack(2, [])
    session.send_disconnect()
    assert session.data_to_send() == [
        Text(b'451-/custom,1["a",' + HOLE + b"]"),
        Binary(b"x"),
        Text(b"43/custom,2[]"),
        Text(b"41/custom,"),
    ]


def test_binary_arrives_after_its_packet_and_pings_may_come_between():
    session = connected()
    assert session.receive_text(b'452-1["a",' + HOLE + b',{"_placeholder":true,"num":1}]') == []
    assert session.receive_binary(b"x") == []
    assert session.receive_text(b"2") == [PingReceived()]
    assert session.receive_binary(b"y") == [EventReceived("a", (b"x", b"y"), 1)]


def test_a_refusal_carries_the_servers_reason():
    session, _ = opened()
    assert session.receive_text(b'44{"message":"no","data":{"code":1}}') == [ConnectFailed("no", {"code": 1})]
    assert session.state is ClientState.CLOSED


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (b'44{"message":"Invalid namespace"}', ConnectFailed("Invalid namespace", None)),
        (b'44"no"', ConnectFailed("no", None)),
        (b'44{"data":1}', ConnectFailed("connection refused", 1)),
        (b'44{"message":5}', ConnectFailed("connection refused", None)),
    ],
)
def test_refusals_of_all_shapes_are_understood(reply, failure):
    assert opened()[0].receive_text(reply) == [failure]


@pytest.mark.parametrize("state", [ClientState.OPENING, ClientState.CONNECTING, ClientState.CONNECTED])
def test_the_server_may_close_at_any_time(state):
    session = in_state(state)
    assert session.receive_text(b"1") == [EngineClosed()]
    assert session.state is ClientState.CLOSED


def test_what_is_still_under_way_after_the_end_is_ignored():
    session = in_state(ClientState.CLOSED)
    assert session.receive_text(b'42["late"]') == []
    assert session.receive_text(b"junk") == []
    assert session.receive_binary(b"x") == []


FORBIDDEN = {
    ClientState.OPENING: [b"2", b"3", b"40", b'40{"sid":"s"}', b'42["a"]', b"5", b"6", b"0", b"0{}", b"", b"x"],
    ClientState.CONNECTING: [
        OPEN,
        b"3",
        b"5",
        b"6",
        b"4",
        b"4abc",
        b"40",
        b"40{}",
        b'40{"sid":""}',
        b'40{"sid":1}',
        b'40{"sid":"s","pid":1}',
        b'40/other,{"sid":"s"}',
        b"41",
        b"431[]",
        b'44/other,{"message":"x"}',
        b"44",
    ],
    ClientState.CONNECTED: [
        OPEN,
        b"3",
        b"5",
        b"6",
        b'40{"sid":"s"}',
        b'44{"message":"x"}',
        b"42{}",
        b'42abc["a"]',
        b'42["connect"]',
        b'42/other,["a"]',
        b"41/other,",
        b"43/other,1[]",
        b"\xff",
    ],
}


@pytest.mark.parametrize(
    ("state", "text"), [(state, text) for state, texts in FORBIDDEN.items() for text in texts], ids=repr
)
def test_what_the_protocol_forbids_is_refused_and_ends_the_session(state, text):
    session = in_state(state)
    with pytest.raises(RemoteProtocolError) as refusal:
        session.receive_text(text)
    assert 10 < len(str(refusal.value)) < 300
    assert session.state is ClientState.CLOSED
    assert session.receive_text(b"2") == []


@pytest.mark.parametrize("state", [ClientState.OPENING, ClientState.CONNECTING, ClientState.CONNECTED])
def test_a_binary_frame_out_of_the_blue_is_refused(state):
    session = in_state(state)
    with pytest.raises(RemoteProtocolError, match="binary"):
        session.receive_binary(b"x")
    assert session.state is ClientState.CLOSED


@pytest.mark.parametrize("state", [ClientState.OPENING, ClientState.CONNECTING, ClientState.CLOSED])
@pytest.mark.parametrize("send", [lambda s: s.send_event("a", []), lambda s: s.send_ack(1, [])], ids=["event", "ack"])
def test_nothing_can_be_sent_unless_connected(state, send):
    session = in_state(state)
    with pytest.raises(LocalProtocolError, match=state.name):
        send(session)
    assert session.data_to_send() == []


@pytest.mark.parametrize("state", [ClientState.OPENING, ClientState.CONNECTING])
def test_giving_up_before_the_connection_stands_needs_no_packet(state):
    session = in_state(state)
    session.send_disconnect()
    assert session.state is ClientState.CLOSED
    assert session.data_to_send() == []
    with pytest.raises(LocalProtocolError, match="CLOSED"):
        session.send_disconnect()


def test_what_the_server_would_not_accept_is_refused_here():
    """A frame over max_payload would close the connection, again and again."""
    session = connected()
    session.send_event("a", ["x" * 980])
    with pytest.raises(LocalProtocolError, match=r"event 'a' .* 1000 bytes"):
        session.send_event("a", ["x" * 1000])
    with pytest.raises(LocalProtocolError, match=r"ack 1 .* 1000 bytes"):
        session.send_ack(1, [b"x" * 1001])
    assert len(session.data_to_send()) == 1


def test_a_server_that_does_not_accept_even_the_connect_is_refused():
    session = ClientSession(auth={"token": "t" * 20})
    with pytest.raises(RemoteProtocolError, match="10 bytes"):
        session.receive_text(b'0{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":10}')


def test_the_offset_follows_the_events_that_end_in_a_string():
    session = connected(b'40{"sid":"s","pid":"p"}')
    assert session.recovery == Recovery("p", None)
    assert session.receive_text(b'42["a",1,"o1"]') == [EventReceived("a", (1, "o1"), None)]
    session.receive_text(b'42["a",1]')
    session.receive_text(b'42["a"]')
    assert session.recovery == Recovery("p", "o1")
    session.receive_text(b'451-["a",' + HOLE + b',"o2"]')
    session.receive_binary(b"x")
    session.receive_text(b"41")
    assert session.recovery == Recovery("p", "o2")


def test_without_a_pid_there_is_nothing_to_recover():
    session = connected(b'40{"sid":"s"}')
    session.receive_text(b'42["a","o1"]')
    assert session.recovery is None


def test_missed_events_wait_for_the_connect_reply():
    session, _ = opened(recover=Recovery("p", "o0"))
    assert session.receive_text(b'42["a",1,"o1"]') == []
    assert session.receive_text(b'451-["b",' + HOLE + b',"o2"]') == []
    assert session.receive_binary(b"x") == []
    assert session.recovery == Recovery("p", "o0")
    assert session.receive_text(b'40{"sid":"s","pid":"p"}') == [
        Connected("s", "p", True),
        EventReceived("a", (1, "o1"), None),
        EventReceived("b", (b"x", "o2"), None),
    ]
    assert session.recovery == Recovery("p", "o2")


def test_a_recovered_session_without_news_keeps_its_offset():
    session, _ = opened(recover=Recovery("p", "o0"))
    assert session.receive_text(b'40{"sid":"s","pid":"p"}') == [Connected("s", "p", True)]
    assert session.recovery == Recovery("p", "o0")


def test_a_refused_recovery_is_a_new_session_without_an_offset():
    session, _ = opened(recover=Recovery("p", "o0"))
    assert session.receive_text(b'40{"sid":"s","pid":"q"}') == [Connected("s", "q", False)]
    assert session.recovery == Recovery("q", None)


def test_a_connection_lost_before_the_reply_keeps_what_it_had_to_recover():
    session, _ = opened(recover=Recovery("p", "o0"))
    session.receive_text(b'42["a","o1"]')
    session.receive_text(b"1")
    assert session.recovery == Recovery("p", "o0")


def test_the_repr_tells_the_state():
    assert repr(connected()) == "<ClientSession '/' CONNECTED>"


frames = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([OPEN, b"1", b"2", b"3", b"41", b'40{"sid":"s"}', b'40{"sid":"s","pid":"p"}', b'42["a","o"]']),
    st.sampled_from([b'451-["a",' + HOLE + b"]", b"431[1]", b'44{"message":"x"}', b"42{}", b"6", b'42/x,["a"]']),
    st.text(alphabet='01234-/,[]{}"a', max_size=12).map(str.encode),
)


@given(st.lists(st.tuples(st.booleans(), frames), max_size=12))
def test_arbitrary_frames_raise_nothing_else_and_end_the_session_once(received):
    session = ClientSession()
    session.receive_text(OPEN)
    for is_text, data in received:
        before = session.state
        try:
            events = session.receive_text(data) if is_text else session.receive_binary(data)
        except RemoteProtocolError:
            assert before is not ClientState.CLOSED
            assert session.state is ClientState.CLOSED
        else:
            assert not (events and before is ClientState.CLOSED)
    with contextlib.suppress(LocalProtocolError):
        session.send_event("a", [])


def test_offsets_of_our_server_are_no_arguments():
    session = connected(b'40{"sid":"s","pid":"EPOCH.secret"}')
    for text, args in [
        (b'42["news",{"n":1},"EPOCH.41"]', ({"n": 1},)),
        (b'42["news","EPOCH.42"]', ()),
        (b'451-["photo",{"_placeholder":true,"num":0},"EPOCH.43"]', None),
    ]:
        assert session.receive_text(text) == ([] if args is None else [EventReceived("news", args)])
    assert session.receive_binary(b"\x00") == [EventReceived("photo", (b"\x00",))]
    assert session.recovery == Recovery("EPOCH.secret", "EPOCH.43")


@pytest.mark.parametrize("last", ["alice", "EPOCH.", "EPOCH.x", "EPOCH.1.2", "OTHER.7", "EPOCH"])
def test_what_is_no_offset_of_our_server_is_an_argument_and_poisons_nothing(last):
    session = connected(b'40{"sid":"s","pid":"EPOCH.secret"}')
    session.receive_text(b'42["news","EPOCH.41"]')
    assert session.receive_text(f'42["typing","{last}"]'.encode()) == [EventReceived("typing", (last,))]
    assert session.recovery == Recovery("EPOCH.secret", "EPOCH.41")


def test_offsets_of_other_servers_stay_where_they_are():
    session = connected(b'40{"sid":"s","pid":"Y_z7"}')
    assert session.receive_text(b'42["news",1,"Q84NiQw.1"]') == [EventReceived("news", (1, "Q84NiQw.1"))]
    assert session.recovery == Recovery("Y_z7", "Q84NiQw.1")
