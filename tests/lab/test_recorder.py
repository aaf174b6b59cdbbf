"""What the recorder makes of what phones tell: tidy frames, bounded."""

from types import SimpleNamespace

import msgspec
import pandas as pd
import pytest

from realtime.chat.message import Message, MessageStatus
from realtime.connection.app_state import AppState
from realtime.connection.connection_state import ConnectionState
from realtime.lab.network_control import NetworkSample
from realtime.lab.recorder import Recorder
from realtime.location.fix import Fix
from realtime.network.access_link import LinkSample
from realtime.notifications.notification import Notification, Priority
from realtime.presence.wire import Member
from realtime.utils.event_emitter import EventEmitter
from realtime.utils.observable import Observable

LINK = LinkSample(
    up_rate_bps=768_000,
    down_rate_bps=None,
    rtt_ns=300_000_000,
    up_loss=0.01,
    down_loss=0.0,
    is_down=False,
    radio="active",
    radio_on_ns=2_500_000_000,
    up_backlog_bytes=1500,
    down_backlog_bytes=0,
)


def phone(name):
    """What a recorder needs of a phone."""
    return SimpleNamespace(
        name=name,
        socket=EventEmitter(),
        chat=SimpleNamespace(client=EventEmitter()),
        location=SimpleNamespace(tracker=EventEmitter()),
        presence=SimpleNamespace(tracker=EventEmitter()),
        notifications=SimpleNamespace(handler=EventEmitter(), in_app=EventEmitter()),
        network=SimpleNamespace(samples=Observable(())),
        app_state=AppState(),
        proxy=SimpleNamespace(sample=lambda: LINK),
    )


def message(n, status, *, user="ana", offset=None, error=None):
    return Message(
        room_id="lobby",
        message_id=f"m{n}",
        user_id=user,
        text=f"text {n}",
        timestamp_ms=1_700_000_000_000 + n,
        offset=offset,
        status=status,
        mine=user == "ana",
        error=error,
    )


class Bench:
    """Three phones in a room, a clock, and a recorder that watches them."""

    def __init__(self, **options):
        self.now_s = 0.0
        self.ana, self.ben, self.cleo = self.phones = [phone(name) for name in ("ana", "ben", "cleo")]
        self.recorder = Recorder(lambda: self.now_s, receivers=lambda room: [p.name for p in self.phones], **options)
        for each in self.phones:
            self.recorder.watch(each)

    def at(self, now_s):
        self.now_s = now_s
        return self

    def send(self, n):
        self.recorder.sent("ana", message(n, MessageStatus.PENDING))

    def ack(self, n):
        self.ana.chat.client.dispatch("message_delivered", message(n, MessageStatus.SENT, offset=n))

    def receive(self, phone, n):
        phone.chat.client.dispatch("message", message(n, MessageStatus.RECEIVED, offset=n))


@pytest.fixture
def bench():
    return Bench()


def rows(frame):
    return frame.to_dict("records")


def test_a_message_has_one_row_that_follows_it(bench):
    bench.at(1.0).send(1)
    [row] = rows(bench.recorder.messages())
    assert (row["phone"], row["room"], row["message_id"], row["user"], row["text"], row["status"]) == (
        "ana",
        "lobby",
        "m1",
        "ana",
        "text 1",
        "pending",
    )
    assert pd.isna(row["latency_s"])
    assert pd.isna(row["delivered_at"])
    bench.at(1.25).ack(1)
    [row] = rows(bench.recorder.messages())
    assert (row["status"], row["latency_s"], row["offset"]) == ("sent", 0.25, 1)
    assert (row["sent_s"], row["acked_s"]) == (1.0, 1.25)
    assert row["sent_at"].tzinfo is not None
    assert row["delivered_at"] >= row["sent_at"]


def test_a_failed_message_that_arrives_after_all_is_sent(bench):
    bench.at(0).send(1)
    bench.at(5).ana.chat.client.dispatch("message_failed", message(1, MessageStatus.FAILED))
    assert rows(bench.recorder.messages())[0]["status"] == "failed"
    bench.at(40).ack(1)
    assert rows(bench.recorder.messages())[0]["status"] == "sent"


def test_messages_from_outside_are_rows_without_a_phone(bench):
    bench.at(3)
    for each in (bench.ana, bench.ben):
        each.chat.client.dispatch("message", message(7, MessageStatus.RECEIVED, user="dora", offset=4))
    [row] = rows(bench.recorder.messages())
    assert (row["phone"], row["user"], row["offset"], row["status"]) == (None, "dora", 4, "sent")


def test_each_receiver_has_a_row_of_its_own(bench):
    bench.at(1).send(1)
    bench.at(1.5).receive(bench.ben, 1)
    bench.at(9).receive(bench.cleo, 1)
    received = bench.recorder.deliveries()
    assert received[["phone", "sent_s", "t_s", "latency_s"]].to_dict("split")["data"] == [
        ["ben", 1.0, 1.5, 0.5],
        ["cleo", 1.0, 9.0, 8.0],
    ]


def test_the_delivery_report_counts_what_is_missing_and_what_came_twice(bench):
    for n in (1, 2, 3):
        bench.send(n)
    bench.ack(1)
    bench.ack(2)
    for n, receivers in ((1, (bench.ben, bench.cleo)), (2, (bench.ben, bench.ben))):
        for receiver in receivers:
            bench.receive(receiver, n)
    report = bench.recorder.delivery_report()
    assert list(report.columns) == [
        "room",
        "message_id",
        "sender",
        "text",
        "status",
        "expected",
        "delivered",
        "missing",
        "duplicates",
    ]
    assert report[["message_id", "expected", "delivered", "missing", "duplicates"]].to_dict("split")["data"] == [
        ["m1", 2, 2, 0, 0],
        ["m2", 2, 1, 1, 1],
        ["m3", 2, 0, 2, 0],
    ]


def test_who_came_after_a_message_was_not_to_get_it(bench):
    bench.send(1)
    dora = phone("dora")
    bench.phones.append(dora)
    bench.recorder.watch(dora)
    bench.receive(dora, 1)
    [row] = rows(bench.recorder.delivery_report())
    assert (row["expected"], row["delivered"], row["duplicates"]) == (2, 0, 0)


def test_states_are_rows(bench):
    bench.at(1).ana.socket.dispatch("state_change", ConnectionState.CONNECTED)
    bench.at(2).ana.socket.dispatch("state_change", ConnectionState.RECONNECTING)
    states = bench.recorder.states()
    assert states.pop("at").is_monotonic_increasing
    assert states.to_dict("list") == {
        "phone": ["ana", "ana"],
        "t_s": [1.0, 2.0],
        "state": ["connected", "reconnecting"],
    }


def test_positions_are_rows_with_units(bench):
    fix = Fix(latitude=59.9, longitude=10.7, accuracy_m=5.0, timestamp_ms=1_700_000_000_000, speed_mps=3.0)
    bench.at(2).ben.location.tracker.dispatch("update", "ana", fix)
    [row] = rows(bench.recorder.positions())
    assert row.pop("at").tzinfo is not None
    assert row.pop("measured_at") == pd.Timestamp(1_700_000_000_000, unit="ms", tz="UTC")
    assert pd.isna(row.pop("heading_deg"))
    assert row == {
        "phone": "ben",
        "user": "ana",
        "t_s": 2.0,
        "latitude_deg": 59.9,
        "longitude_deg": 10.7,
        "accuracy_m": 5.0,
        "speed_mps": 3.0,
    }


def test_link_samples_are_rows(bench):
    sample = NetworkSample(t_s=0.5, rtt_ms=115.0, up_bps=8.0, down_bps=16.0, state="connected", queued=0, unacked=1)
    bench.ana.network.samples.set((sample,))
    [row] = rows(bench.recorder.link_samples())
    assert row.pop("at").tzinfo is not None
    assert row == {
        "phone": "ana",
        "t_s": 0.5,
        "rtt_ms": 115.0,
        "up_bps": 8.0,
        "down_bps": 16.0,
        "state": "connected",
        "queued": 0,
        "unacked": 1,
    }


def test_with_each_sample_comes_what_the_link_is_like(bench):
    sample = NetworkSample(t_s=0.5, rtt_ms=115.0, up_bps=8.0, down_bps=16.0, state="connected", queued=0, unacked=1)
    bench.at(0.5).ana.network.samples.set((sample,))
    [row] = rows(bench.recorder.links())
    assert row.pop("at").tzinfo is not None
    assert pd.isna(row.pop("down_rate_bps")), "unlimited"
    assert row == {
        "phone": "ana",
        "t_s": 0.5,
        "up_rate_bps": 768_000,
        "rtt_ms": 300.0,
        "up_loss": 0.01,
        "down_loss": 0.0,
        "is_down": False,
        "radio": "active",
        "radio_on_s": 2.5,
        "up_backlog_bytes": 1500,
        "down_backlog_bytes": 0,
    }


def test_the_radio_has_one_row_per_phone_with_the_newest_figure(bench):
    bench.recorder.sampled_link("ana", LINK)
    bench.at(4).recorder.sampled_link("ben", LINK)
    bench.at(10).recorder.sampled_link("ana", msgspec.structs.replace(LINK, radio_on_ns=7_000_000_000))
    assert bench.recorder.radio().to_dict("split")["data"] == [["ana", 10.0, 7.0], ["ben", 4.0, 2.5]]
    assert list(bench.recorder.radio().columns) == ["phone", "t_s", "radio_on_s"]


def test_the_timeline_is_everything_that_happened_in_order(bench):
    bench.at(1).ana.socket.dispatch("connect")
    bench.at(2).send(1)
    bench.at(3).recorder.acted("ana", "offline", "")
    bench.ana.socket.dispatch("disconnect", "network offline")
    bench.at(4).ana.app_state.background()
    bench.at(5).recorder.acted("ana", "online", "")
    bench.ana.socket.dispatch("reconnect_attempt", 1, 0.5)
    bench.ana.socket.dispatch("connect_error", OSError("no route"))
    bench.ana.socket.dispatch("reconnect", 1)
    bench.at(6).ack(1)
    bench.at(7).receive(bench.ben, 1)
    frame = bench.recorder.to_frame()
    assert list(frame.columns) == ["t_s", "at", "phone", "event", "detail", "room", "message_id"]
    assert list(zip(frame.t_s, frame.phone, frame.event, frame.detail, strict=True)) == [
        (1.0, "ana", "connect", ""),
        (2.0, "ana", "send", "text 1"),
        (3.0, "ana", "offline", ""),
        (3.0, "ana", "disconnect", "network offline"),
        (4.0, "ana", "background", ""),
        (5.0, "ana", "online", ""),
        (5.0, "ana", "reconnect_attempt", "1, 0.5"),
        (5.0, "ana", "connect_error", "no route"),
        (5.0, "ana", "reconnect", "1"),
        (6.0, "ana", "message_delivered", "text 1"),
        (7.0, "ben", "message", "text 1"),
    ]
    assert frame.message_id.iloc[1] == "m1"
    assert frame["at"].is_monotonic_increasing


def test_who_comes_and_goes_and_what_a_user_is_told_are_rows(bench):
    ben = Member("ben", "ben's tablet", status="busy", text="in a meeting")
    bench.at(1).ana.presence.tracker.dispatch("join", "lobby", ben)
    [row] = rows(bench.recorder.presence())
    assert (row["phone"], row["t_s"], row["room"], row["event"]) == ("ana", 1.0, "lobby", "join")
    assert (row["user"], row["device"], row["status"], row["text"]) == ("ben", "ben's tablet", "busy", "in a meeting")
    told = Notification(id="n1", title="Your tram", room_id="tram", priority=Priority.URGENT)
    bench.at(2).ana.notifications.in_app.dispatch("shown", told)
    bench.at(3).ana.notifications.handler.dispatch("opened", told)
    table = bench.recorder.notifications()
    assert list(zip(table.t_s, table.event, table.id, table.priority, strict=True)) == [
        (2.0, "shown", "n1", "URGENT"),
        (3.0, "opened", "n1", "URGENT"),
    ]
    assert list(bench.recorder.to_frame().detail) == ["Your tram"], "what is opened is in the timeline too"


def test_the_reason_of_a_refusal_is_told(bench):
    bench.ana.chat.client.dispatch("message_failed", message(1, MessageStatus.FAILED, error="not_member"))
    assert bench.recorder.to_frame().detail.iloc[0] == "not_member: text 1"


@pytest.mark.parametrize(
    "name",
    [
        *("messages", "deliveries", "delivery_report", "states", "positions"),
        *("link_samples", "links", "radio", "to_frame"),
        *("presence", "notifications"),
    ],
)
def test_a_frame_of_nothing_has_its_columns(bench, name):
    frame = getattr(bench.recorder, name)()
    assert frame.empty
    assert len(frame.columns) >= 3


def test_empty_or_not_a_frame_has_the_same_types(bench):
    before = {name: getattr(bench.recorder, name)().dtypes for name in ("messages", "deliveries", "links", "radio")}
    bench.at(1).send(1)
    bench.receive(bench.ben, 1)
    bench.recorder.sampled_link("ana", LINK)
    for name, dtypes in before.items():
        frame = getattr(bench.recorder, name)()
        assert len(frame) == 1
        assert frame.dtypes.equals(dtypes)


def test_old_rows_make_room_for_new_ones():
    bench = Bench(limit=10)
    for n in range(25):
        bench.at(n).send(n)
        bench.receive(bench.ben, n)
    recorder = bench.recorder
    assert len(recorder.to_frame()) == len(recorder.deliveries()) == len(recorder.messages()) == 10
    assert recorder.messages().message_id.iloc[0] == "m15"


def test_a_phone_that_is_not_watched_any_more_is_not_recorded(bench):
    bench.recorder.unwatch("ana")
    bench.recorder.unwatch("ana")
    bench.ana.socket.dispatch("connect")
    bench.ana.app_state.background()
    bench.ana.network.samples.set((1,))
    assert bench.recorder.to_frame().empty
