"""A push as an app gets it, and secrets that are not printed."""

import json

import msgspec
import pytest

from realtime.server.push.expo_gateway import ExpoGateway
from realtime.server.push.gateway import DELIVERED, Delivered, Gateway, Parcel, Push, PushToken
from realtime.server.push.local_gateway import LocalGateway

FULL = Push(
    id="m1",
    title="ben",
    body="secret words",
    data={"url": "room/lobby", "count": 2},
    room_id="lobby",
    collapse_key="room:lobby",
    is_urgent=True,
    ttl_s=60.0,
)


def test_an_app_gets_what_it_shows_and_needs_to_know_it_by():
    assert FULL.to_wire() == {
        "id": "m1",
        "title": "ben",
        "body": "secret words",
        "data": {"url": "room/lobby", "count": 2},
        "roomId": "lobby",
        "collapseKey": "room:lobby",
        "urgent": True,
        "ttl": 60_000,
    }


def test_what_is_not_given_is_not_said():
    assert Push(id="m1").to_wire() == {"id": "m1", "title": "", "body": "", "data": {}}


def test_a_withdrawal_names_the_notification_and_shows_nothing():
    wire = Push(id="m1", title="x", body="y", room_id="lobby", withdraws=True).to_wire()
    assert wire == {"withdraw": "m1", "roomId": "lobby"}


def test_neither_texts_nor_tokens_are_printed():
    parcel = Parcel(FULL, PushToken("ana", "phone", "web", "secret token"))
    assert "secret" not in repr(parcel) + str(parcel) + f"{FULL} {parcel.token}"
    assert "m1" in repr(FULL)
    assert "'ana'" in repr(parcel.token)


def test_two_pushes_share_no_data():
    one = Push(id="a")
    one.data["x"] = 1
    assert Push(id="b").data == {}


def test_a_push_can_be_kept_as_json_and_had_again():
    kept = msgspec.json.encode(Parcel(FULL, PushToken("ana", "phone", "expo", "t")))
    assert msgspec.json.decode(kept, type=Parcel) == (FULL, PushToken("ana", "phone", "expo", "t"))
    assert json.loads(kept)[1] == ["ana", "phone", "expo", "t"]


def test_what_was_taken_may_have_a_ticket():
    assert Delivered() == DELIVERED
    assert DELIVERED.ticket is None
    assert Delivered("T1").ticket == "T1"


@pytest.mark.parametrize("gateway", [LocalGateway(), ExpoGateway()], ids=["local", "expo"])
async def test_a_gateway_says_how_it_wants_to_be_asked(gateway: Gateway):
    assert gateway.max_batch >= 1
    assert gateway.max_receipts >= 1
    assert gateway.receipts_after_s >= 0
    assert gateway.check("") is not None
    assert await gateway.send([]) == [] if isinstance(gateway, LocalGateway) else True
    await gateway.close()
    await gateway.close()
