"""Expo's service over real HTTP: what it is asked, tickets, receipts, dead tokens."""

import pytest

from realtime.server.push.expo_gateway import ExpoGateway
from realtime.server.push.gateway import Delivered, Gone, Parcel, Push, PushToken, Rejected, TryAgain
from tests.server.push.http_endpoint import http_endpoint


def parcel(n=1, **fields):
    token = PushToken("ana", f"phone {n}", "expo", f"ExponentPushToken[{n}]")
    return Parcel(Push(**{"id": f"m{n}", "title": "ben", "body": "hi"} | fields), token)


def error(code):
    return {"status": "error", "message": "because", "details": {"error": code}}


@pytest.mark.clause("RT-PUSH-13")
async def test_the_bytes_are_as_expo_wants_them():
    answer = {"data": [{"status": "ok", "id": "T1"}]}
    async with http_endpoint(lambda request: (200, {}, answer)) as (address, requests):
        box = ExpoGateway(url=address, access_token="s3cret")
        each = parcel(data={"url": "room/lobby"}, room_id="lobby", collapse_key="k", is_urgent=True, ttl_s=60.0)
        assert await box.send([each]) == [Delivered("T1")]
        await box.close()
    [request] = requests
    assert (request.method, request.path) == ("POST", "/--/api/v2/push/send")
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["content-type"] == "application/json"
    assert request.json == [
        {
            "to": "ExponentPushToken[1]",
            "title": "ben",
            "body": "hi",
            "data": {
                "id": "m1",
                "url": "room/lobby",
                "roomId": "lobby",
                "collapseKey": "k",
                "urgent": True,
                "ttl": 60_000,
            },
            "ttl": 60,
            "priority": "high",
            "sound": "default",
        }
    ]


async def test_a_withdrawal_shows_nothing():
    async with http_endpoint(lambda request: (200, {}, {"data": [{"status": "ok", "id": "T"}]})) as (address, requests):
        box = ExpoGateway(url=address)
        await box.send([parcel(withdraws=True)])
        await box.close()
    assert requests[0].json == [
        {"to": "ExponentPushToken[1]", "data": {"withdraw": "m1"}, "ttl": 86400, "_contentAvailable": True}
    ]


@pytest.mark.clause("RT-PUSH-13")
async def test_each_ticket_has_its_meaning():
    tickets = [
        {"status": "ok", "id": "T1"},
        *map(error, ["DeviceNotRegistered", "MessageTooBig", "MessageRateExceeded"]),
    ]
    async with http_endpoint(lambda request: (200, {}, {"data": tickets})) as (address, _):
        box = ExpoGateway(url=address)
        outcomes = await box.send([parcel(n) for n in range(4)])
        await box.close()
    assert outcomes[0] == Delivered("T1")
    assert [type(each) for each in outcomes[1:]] == [Gone, Rejected, TryAgain]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [(429, {}, TryAgain), (502, b"<html>", TryAgain), (200, b"<html>", TryAgain), (400, {"errors": []}, Rejected)],
)
async def test_a_request_that_fails_fails_for_all(status, body, kind):
    async with http_endpoint(lambda request: (status, {}, body)) as (address, _):
        box = ExpoGateway(url=address)
        assert [type(each) for each in await box.send([parcel(1), parcel(2)])] == [kind, kind]
        await box.close()


async def test_a_token_for_which_expo_refuses_the_whole_request_does_not_touch_the_others():
    def answer(request):
        to = [each["to"] for each in request.json]
        if "ExponentPushToken[3]" in to:  # of another project: PUSH_TOO_MANY_EXPERIENCE_IDS
            return 400, {}, {"errors": [{"code": "PUSH_TOO_MANY_EXPERIENCE_IDS"}]}
        return 200, {}, {"data": [{"status": "ok", "id": token} for token in to]}

    async with http_endpoint(answer) as (address, requests):
        box = ExpoGateway(url=address)
        outcomes = await box.send([parcel(n) for n in range(8)])
        await box.close()
    assert [type(each) for each in outcomes] == [Delivered] * 3 + [Rejected] + [Delivered] * 4
    assert len(requests) == 7, "8, 4 and 4, 2 and 2, 1 and 1"


@pytest.mark.clause("RT-PUSH-13")
async def test_receipts_tell_what_became_of_tickets_as_far_as_is_known():
    def answer(request):
        assert request.path == "/--/api/v2/push/getReceipts"
        return 200, {}, {"data": {"T0": {"status": "ok"}, "T1": error("DeviceNotRegistered"), "T2": error("Other")}}

    async with http_endpoint(answer) as (address, requests):
        box = ExpoGateway(url=address)
        receipts = await box.receipts([f"T{n}" for n in range(4)])
        await box.close()
    assert requests[-1].json == {"ids": ["T0", "T1", "T2", "T3"]}
    kinds = {"T0": Delivered, "T1": Gone, "T2": Rejected}
    assert {ticket: type(outcome) for ticket, outcome in receipts.items()} == kinds
    assert ExpoGateway(receipts_after_s=60.0).receipts_after_s == 60.0
    assert ExpoGateway().receipts_after_s == 900.0


@pytest.mark.parametrize(("status", "body"), [(503, b""), (200, b"<html>"), (200, {"data": []})])
async def test_receipts_that_cannot_be_had_now_are_not_known(status, body):
    async with http_endpoint(lambda request: (status, {}, body)) as (address, _):
        box = ExpoGateway(url=address)
        assert await box.receipts(["T"]) == {}
        await box.close()


@pytest.mark.parametrize(
    ("token", "is_fine"), [("ExponentPushToken[x]", True), ("ExpoPushToken[x]", True), ("x", False)]
)
def test_tokens_look_like_tokens(token, is_fine):
    assert (ExpoGateway().check(token) is None) == is_fine
