"""One connection as the server sees it: several namespaces, pings, and strictness against everything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.engineio import Binary, Text
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.server_session import (
    AckReceived,
    ConnectRequested,
    EventReceived,
    EventReceivedRaw,
    NamespaceLeft,
    NamespaceState,
    PeerClosed,
    ServerSession,
    ServerState,
    TimedOut,
)
from realtime.protocol.socketio import encode_event

HOLE = b'{"_placeholder":true,"num":0}'


def fresh(**options):
    settings = {"sid": "eio", "now": 100.0, "ping_interval_s": 25.0, "ping_timeout_s": 20.0, "max_payload": 1000}
    return ServerSession(**{**settings, **options})


def opened(**options):
    session = fresh(**options)
    session.data_to_send()
    return session


def connected(namespace="/", **options):
    session = opened(**options)
    session.receive_text(b"40" + (b"" if namespace == "/" else namespace.encode() + b","), 100.0)
    session.accept(namespace, "s")
    session.data_to_send()
    return session


def test_it_opens_with_its_handshake():
    session = fresh(ping_interval_s=0.3, ping_timeout_s=0.2)
    [frame] = session.data_to_send()
    assert frame.data[:1] == b"0"
    assert json.loads(frame.data[1:]) == {
        "sid": "eio",
        "upgrades": [],
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 1000,
    }
    assert session.data_to_send() == []
    assert session.state is ServerState.OPEN


@pytest.mark.parametrize(
    "options",
    [
        {"ping_interval_s": 0},
        {"ping_timeout_s": -1.0},
        {"max_payload": 0},
        {"connect_timeout_s": 0},
        {"ping_interval_s": float("nan")},
        {"connect_timeout_s": float("inf")},
        {"sid": ""},
    ],
    ids=repr,
)
def test_settings_that_make_no_sense_are_refused(options):
    with pytest.raises(LocalProtocolError, match=next(iter(options))):
        fresh(**options)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (b"40", ConnectRequested("/", None, None, None)),
        (b"40{}", ConnectRequested("/", {}, None, None)),
        (b'40{"token":"t"}', ConnectRequested("/", {"token": "t"}, None, None)),
        (b"40/custom,", ConnectRequested("/custom", None, None, None)),
        (b'40/custom?a=b,{"x":1}', ConnectRequested("/custom", {"x": 1}, None, None)),
        (b'40{"pid":"p","offset":"o"}', ConnectRequested("/", {}, "p", "o")),
        (b'40{"x":1,"pid":"p"}', ConnectRequested("/", {"x": 1}, "p", None)),
        (b'40{"pid":1,"offset":null}', ConnectRequested("/", {}, None, None)),
        (b'40{"pid":"p","offset":7}', ConnectRequested("/", {}, "p", "")),
    ],
)
def test_a_request_for_a_namespace_tells_auth_and_recovery_apart(text, asked):
    session = opened()
    assert session.receive_text(text, 100.0) == [asked]
    assert session.namespace_state(asked.namespace) is NamespaceState.REQUESTED
    assert session.namespaces == ()


def test_an_accepted_namespace_gets_its_ids():
    session = opened()
    session.receive_text(b"40", 100.0)
    session.receive_text(b"40/custom,", 100.0)
    session.accept("/", "s1", "p")
    session.accept("/custom", "s2")
    assert session.data_to_send() == [Text(b'40{"sid":"s1","pid":"p"}'), Text(b'40/custom,{"sid":"s2"}')]
    assert session.namespaces == ("/", "/custom")


def test_a_refused_namespace_gets_the_reason_and_may_try_again():
    session = opened()
    session.receive_text(b"40/random,", 100.0)
    session.refuse("/random", "Invalid namespace")
    session.receive_text(b"40/random,", 100.0)
    session.refuse("/random", "no", {"code": 1})
    assert session.data_to_send() == [
        Text(b'44/random,{"message":"Invalid namespace"}'),
        Text(b'44/random,{"message":"no","data":{"code":1}}'),
    ]
    assert session.namespace_state("/random") is NamespaceState.ABSENT


def test_missed_events_can_precede_the_answer():
    session = opened()
    session.receive_text(b'40{"pid":"p","offset":"o"}', 100.0)
    session.send_event("missed", [1, "o1"])
    session.accept("/", "s", "p")
    assert session.data_to_send() == [Text(b'42["missed",1,"o1"]'), Text(b'40{"sid":"s","pid":"p"}')]


@pytest.mark.parametrize(("namespace", "prefix"), [("/", b""), ("/custom", b"/custom,")])
def test_what_the_client_says_becomes_events(namespace, prefix):
    session = connected(namespace)
    said = [
        (b"42" + prefix + b'["a",1,{"b":2}]', EventReceived(namespace, "a", (1, {"b": 2}), None)),
        (b"42" + prefix + b'12["a"]', EventReceived(namespace, "a", (), 12)),
        (b"43" + prefix + b'7["ok"]', AckReceived(namespace, 7, ("ok",))),
        (b"41" + prefix, NamespaceLeft(namespace)),
    ]
    for text, event in said:
        assert session.receive_text(text, 100.0) == [event]
    assert session.namespaces == ()
    assert session.state is ServerState.OPEN


def test_on_the_hot_path_the_json_of_an_event_is_left_to_the_server():
    session = connected()
    assert session.receive_raw(b'4212["a",{"b":2}]', 100.0) == [EventReceivedRaw("/", 12, b'["a",{"b":2}]', "a")]
    assert session.receive_raw(b'42["a",oops]', 100.0) == [EventReceivedRaw("/", None, b'["a",oops]', "a")]


def test_on_the_hot_path_everything_else_is_as_usual():
    session = opened()
    assert session.receive_raw(b"40", 100.0) == [ConnectRequested("/", None, None, None)]
    session.accept("/", "s")
    assert session.receive_raw(b"431[2]", 100.0) == [AckReceived("/", 1, (2,))]
    assert session.receive_raw(b"3", 100.0) == []
    assert session.receive_raw(b'451-["a",' + HOLE + b"]", 100.0) == []
    assert session.receive_binary(b"x", 100.0) == [EventReceived("/", "a", (b"x",), None)]
    assert session.receive_raw(b"41", 100.0) == [NamespaceLeft("/")]


def test_on_the_hot_path_an_event_is_heard_and_judged_as_usual():
    session = connected()
    session.handle_timer(session.next_timer())
    waiting = session.next_timer()
    session.receive_raw(b'42["a"]', 130.0)
    assert session.heard_at == 130.0
    assert session.next_timer() > waiting
    session.receive_raw(b'451-["a",' + HOLE + b"]", 130.0)
    with pytest.raises(RemoteProtocolError, match="still to come"):
        session.receive_raw(b'42["a"]', 130.0)
    assert session.receive_raw(b'42["a"]', 130.0) == []
    with pytest.raises(RemoteProtocolError, match="ABSENT"):
        opened().receive_raw(b'42["a"]', 100.0)
    with pytest.raises(RemoteProtocolError, match="allowed"):
        connected().receive_raw(b'42["a","' + b"x" * 2_000_000 + b'"]', 100.0)


def test_binary_goes_both_ways():
    session = connected()
    assert session.receive_text(b'452-1["a",' + HOLE + b',{"_placeholder":true,"num":1}]', 100.0) == []
    assert session.receive_binary(b"x", 100.0) == []
    assert session.receive_text(b"3", 100.0) == []
    assert session.receive_binary(b"y", 100.0) == [EventReceived("/", "a", (b"x", b"y"), 1)]
    session.send_ack(1, [b"z"])
    assert session.data_to_send() == [Text(b"461-1[" + HOLE + b"]"), Binary(b"z")]


def test_events_and_acks_go_to_their_namespace():
    session = connected("/custom")
    session.send_event("a", [1], namespace="/custom", ack_id=3)
    session.send_ack(4, [], namespace="/custom")
    session.send_encoded(encode_event("shared", [], namespace="/custom"), namespace="/custom")
    session.send_disconnect("/custom")
    assert session.data_to_send() == [
        Text(b'42/custom,3["a",1]'),
        Text(b"43/custom,4[]"),
        Text(b'42/custom,["shared"]'),
        Text(b"41/custom,"),
    ]


def test_the_client_may_close():
    session = connected()
    assert session.receive_text(b"1", 100.0) == [PeerClosed()]
    assert session.state is ServerState.CLOSED
    assert session.next_timer() is None
    assert session.handle_timer(1e9) == []
    assert session.receive_text(b"junk", 100.0) == []
    assert session.receive_raw(b"junk", 100.0) == []
    assert session.receive_binary(b"x", 100.0) == []


def test_what_an_expelled_client_had_already_sent_is_ignored():
    """It cannot know yet; the reference closes the connection here."""
    session = connected()
    session.send_disconnect("/")
    assert session.receive_text(b'42["a"]', 100.0) == []
    assert session.receive_raw(b'42["a"]', 100.0) == []
    assert session.receive_text(b"431[]", 100.0) == []
    assert session.receive_text(b"41", 100.0) == []
    with pytest.raises(RemoteProtocolError):
        session.receive_text(b'42["a"]', 100.0)


def test_an_expelled_client_may_come_back():
    session = connected()
    session.send_disconnect("/")
    assert session.receive_text(b"40", 100.0) == [ConnectRequested("/", None, None, None)]
    session.accept("/", "s2")
    assert session.namespaces == ("/",)


FORBIDDEN = [
    b"",
    b"x",
    b'0{"sid":"a","pingInterval":1,"pingTimeout":1}',
    b"2",
    b"2probe",
    b"5",
    b"6",
    b"4",
    b"4abc",
    b"42{}",
    b'42abc["a"]',
    b"42[]",
    b"42[1]",
    b'42["disconnect"]',
    b'42["a"',
    b"40",
    b"40[]",
    b'44{"message":"x"}',
    b'42/other,["a"]',
    b"43/other,1[]",
    b"41/other,",
    b"44/other,{}",
    b"411",
    b"431",
    b"451-[]",
    b'451-/other,["a",' + HOLE + b"]",
    b"42[" + b"1" * 1000,
    b'42["a","\xff"]',
]


@pytest.mark.parametrize("text", FORBIDDEN, ids=lambda text: repr(text[:24]))
def test_what_the_protocol_forbids_is_refused_and_ends_the_session(text):
    session = connected()
    with pytest.raises(RemoteProtocolError) as refusal:
        session.receive_text(text, 100.0)
    assert 10 < len(str(refusal.value)) < 300
    assert session.state is ServerState.CLOSED
    assert session.receive_text(b"3", 100.0) == []


UNDECODED = [b'42["a"', b'42["a","\xff"]']


@pytest.mark.parametrize("text", [t for t in FORBIDDEN if t not in UNDECODED], ids=lambda text: repr(text[:24]))
def test_the_hot_path_is_as_strict_but_for_the_json(text):
    session = connected()
    with pytest.raises(RemoteProtocolError):
        session.receive_raw(text, 100.0)
    assert session.state is ServerState.CLOSED


@pytest.mark.parametrize("text", [b'42["a"]', b"431[]", b"41", b"40", b'44{"message":"x"}'])
def test_before_the_answer_a_client_has_to_wait(text):
    session = opened()
    session.receive_text(b"40", 100.0)
    with pytest.raises(RemoteProtocolError, match="REQUESTED"):
        session.receive_text(text, 100.0)


@pytest.mark.parametrize("text", [b'42["a"]', b"431[]", b"41", b'44{"message":"x"}'])
def test_before_its_request_a_client_is_nowhere(text):
    with pytest.raises(RemoteProtocolError, match="ABSENT"):
        opened().receive_text(text, 100.0)


def test_whoever_left_has_to_ask_again():
    session = connected()
    session.receive_text(b"41", 100.0)
    with pytest.raises(RemoteProtocolError, match="ABSENT"):
        session.receive_text(b'42["a"]', 100.0)


@pytest.mark.parametrize("receive", ["receive_text", "receive_raw"])
def test_a_text_packet_where_an_attachment_is_due_is_refused(receive):
    session = connected()
    session.receive_text(b'451-["a",' + HOLE + b"]", 100.0)
    with pytest.raises(RemoteProtocolError, match="still to come"):
        getattr(session, receive)(b'42["b"]', 100.0)


def test_binary_frames_are_checked_too():
    for data in (b"x", b"x" * 1001):
        session = connected()
        with pytest.raises(RemoteProtocolError, match=r"binary|1001 bytes"):
            session.receive_binary(data, 100.0)
        assert session.state is ServerState.CLOSED


def test_max_payload_is_allowed_and_a_byte_more_is_not():
    session = connected()
    [event] = session.receive_text(b'42["' + b"a" * 994 + b'"]', 100.0)
    assert len(event.event) == 994
    with pytest.raises(RemoteProtocolError, match="1001 bytes"):
        session.receive_text(b'42["' + b"a" * 995 + b'"]', 100.0)


@pytest.mark.parametrize(
    "send",
    [
        lambda s: s.accept("/", "s2"),
        lambda s: s.refuse("/", "no"),
        lambda s: s.accept("/other", "s"),
        lambda s: s.send_event("a", [], namespace="/other"),
        lambda s: s.send_ack(1, [], namespace="/other"),
        lambda s: s.send_disconnect("/other"),
        lambda s: s.send_encoded(encode_event("a", []), namespace="/other"),
        lambda s: s.send_event("connect", []),
        lambda s: s.send_event("a", [object()]),
        lambda s: s.send_event("a", [], ack_id=-1),
    ],
)
def test_what_the_server_may_not_say_is_refused_and_not_sent(send):
    session = connected()
    with pytest.raises(LocalProtocolError):
        send(session)
    assert session.data_to_send() == []
    assert session.namespaces == ("/",)


def test_a_refusal_that_cannot_be_sent_leaves_the_request_open():
    session = opened()
    session.receive_text(b"40", 100.0)
    with pytest.raises(LocalProtocolError):
        session.refuse("/", "no", object())
    session.refuse("/", "no")
    assert session.data_to_send() == [Text(b'44{"message":"no"}')]


def test_nothing_is_said_on_a_closed_connection():
    session = connected()
    session.receive_text(b"1", 100.0)
    with pytest.raises(LocalProtocolError, match="CLOSED"):
        session.send_event("a", [])


def test_pings_come_at_their_interval_as_long_as_they_are_answered():
    session = connected(now=0.0)
    pings = []
    while (now := session.next_timer()) < 200:
        assert session.handle_timer(now) == []
        if session.data_to_send() == [Text(b"2")]:
            pings.append(now)
            assert session.receive_text(b"3", now + 1) == []
    assert pings == [25, 50, 75, 100, 125, 150, 175]


def test_silence_after_a_ping_is_the_end():
    session = connected(now=0.0)
    assert session.next_timer() == 25.0
    session.handle_timer(25.0)
    assert session.next_timer() == 45.0
    assert session.handle_timer(44.9) == []
    assert session.handle_timer(45.0) == [TimedOut("ping timeout")]
    assert session.state is ServerState.CLOSED
    assert session.next_timer() is None


@pytest.mark.parametrize("sign", [b"3", b'42["a"]', b"41"])
def test_any_frame_counts_as_life(sign):
    session = connected(now=0.0)
    session.handle_timer(25.0)
    session.receive_raw(sign, 44.0)
    assert session.next_timer() == 50.0
    assert session.handle_timer(50.0) == []


def test_a_binary_frame_counts_as_life():
    session = connected(now=0.0)
    session.receive_text(b'452-["a",' + HOLE + b',{"_placeholder":true,"num":1}]', 1.0)
    session.handle_timer(25.0)
    session.receive_binary(b"x", 44.0)
    assert session.handle_timer(46.0) == []


def test_it_knows_when_it_last_heard_of_the_client():
    session = opened(now=0.0)
    assert session.heard_at == 0.0
    for number, text in enumerate([b"40", b"3"], 1):
        session.receive_text(text, float(number))
        assert session.heard_at == number


def test_pings_faster_than_their_timeout_do_not_put_the_end_off():
    session = connected(now=0.0, ping_interval_s=10.0)
    for now in (10.0, 20.0):
        assert session.handle_timer(now) == []
    assert session.next_timer() == 30.0
    assert session.handle_timer(30.0) == [TimedOut("ping timeout")]


def test_a_late_timer_sends_one_ping_and_counts_from_it():
    session = connected(now=0.0)
    session.handle_timer(99.0)
    assert session.data_to_send() == [Text(b"2")]
    assert session.next_timer() == 119.0
    session.receive_text(b"3", 99.5)
    assert session.next_timer() == 124.0


def test_a_timer_that_fires_early_does_nothing():
    session = connected(now=0.0)
    assert session.handle_timer(24.0) == []
    assert session.data_to_send() == []


def test_a_connection_that_asks_for_nothing_is_ended():
    session = opened(now=0.0, connect_timeout_s=5.0)
    assert session.next_timer() == 5.0
    session.receive_text(b"3", 4.0)
    assert session.handle_timer(5.0) == [TimedOut("connect timeout")]
    assert session.state is ServerState.CLOSED


def test_a_refused_client_has_until_the_same_deadline():
    session = opened(now=0.0, connect_timeout_s=5.0)
    session.receive_text(b"40/no,", 1.0)
    session.refuse("/no", "Invalid namespace")
    assert session.handle_timer(5.0) == [TimedOut("connect timeout")]


def test_a_client_does_not_pay_for_a_slow_authenticator():
    session = opened(now=0.0, connect_timeout_s=5.0)
    session.receive_text(b"40", 4.0)
    assert session.handle_timer(5.0) == []
    assert session.next_timer() == 10.0
    session.accept("/", "s")
    assert session.next_timer() == 25.0


def test_the_repr_tells_the_state():
    assert repr(connected("/custom")) == "<ServerSession 'eio' OPEN /custom=CONNECTED>"


frames = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([b"1", b"2", b"3", b"40", b"41", b"40/a,", b"41/a,", b'42["a"]', b'42/a,1["a"]', b"431[1]"]),
    st.sampled_from([b'451-["a",' + HOLE + b"]", b'451-/a,1["a",' + HOLE + b"]", b"42{}", b"6", b'44{"message":"x"}']),
    st.text(alphabet='01234-/,[]{}"a', max_size=12).map(str.encode),
)


@given(st.lists(st.tuples(st.sampled_from(["receive_text", "receive_raw", "receive_binary"]), frames), max_size=12))
def test_arbitrary_frames_raise_nothing_else_and_end_the_session_once(received):
    session = opened()
    for number, (receive, data) in enumerate(received):
        before = session.state
        try:
            events = getattr(session, receive)(data, 100.0 + number)
        except RemoteProtocolError:
            assert before is ServerState.OPEN
            assert session.state is ServerState.CLOSED
            continue
        for event in events:
            assert before is ServerState.OPEN
            if isinstance(event, ConnectRequested):
                session.accept(event.namespace, "s")
            if isinstance(event, EventReceived | EventReceivedRaw):
                session.send_ack(1, [], namespace=event.namespace)
        assert session.handle_timer(100.0 + number) == []
