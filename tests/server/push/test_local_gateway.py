"""The push service in the same process: keeps what comes for a device until it is there."""

import asyncio

import pytest

from realtime.server.push.gateway import DELIVERED, Gone, Parcel, Push, PushToken
from realtime.server.push.local_gateway import LocalGateway

TOKEN = PushToken("ana", "phone", "local", "ana's phone")


async def send(gateway, *pushes, token=TOKEN):
    return await gateway.send([Parcel(push, token) for push in pushes])


def push(id, **fields):
    return Push(id=id, title=id, **fields)


async def test_a_device_that_is_there_gets_it_at_once():
    gateway, got = LocalGateway(), []
    gateway.attach(TOKEN.token, got.append)
    assert await send(gateway, push("a", body="hi", room_id="lobby")) == [DELIVERED]
    assert got == [{"id": "a", "title": "a", "body": "hi", "data": {}, "roomId": "lobby"}]


async def test_a_queue_takes_it_as_well():
    gateway, queue = LocalGateway(), asyncio.Queue()
    gateway.attach(TOKEN.token, queue.put_nowait)
    await send(gateway, push("a"))
    assert queue.get_nowait()["id"] == "a"


async def test_what_comes_while_a_device_is_off_waits_the_newest_of_each_kind():
    gateway, got = LocalGateway(), []
    detach = gateway.attach(TOKEN.token, got.append)
    detach()
    detach()
    await send(gateway, push("a", collapse_key="k"), push("b"), push("c", collapse_key="k"))
    assert got == []
    gateway.attach(TOKEN.token, got.append)
    assert [each["id"] for each in got] == ["b", "c"]
    gateway.attach(TOKEN.token, got.append)
    assert len(got) == 2, "each once"


async def test_what_nobody_needs_any_more_is_not_kept(monkeypatch):
    gateway, got = LocalGateway(), []
    now = [0.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0], raising=False)
    await send(gateway, push("a", ttl_s=5.0), push("b"))
    now[0] = 6.0
    gateway.attach(TOKEN.token, got.append)
    assert [each["id"] for each in got] == ["b"]


async def test_a_withdrawal_takes_back_what_waits_and_is_told_to_who_may_show_it():
    gateway, got = LocalGateway(), []
    await send(gateway, push("a"), Push(id="a", withdraws=True))
    gateway.attach(TOKEN.token, got.append)
    assert got == [{"withdraw": "a"}]


async def test_so_many_are_kept():
    gateway, got = LocalGateway(max_kept=2), []
    await send(gateway, push("a"), push("b"), push("c"))
    gateway.attach(TOKEN.token, got.append)
    assert [each["id"] for each in got] == ["b", "c"]


async def test_an_app_that_was_removed_has_no_token_any_more():
    gateway = LocalGateway()
    gateway.revoke(TOKEN.token)
    assert await send(gateway, push("a")) == [Gone("the app was removed")]
    gateway.attach(TOKEN.token, lambda payload: None)
    assert await send(gateway, push("a")) == [DELIVERED], "installed again"


async def test_a_device_that_fails_disturbs_nobody(caplog):
    gateway, got = LocalGateway(), []
    gateway.attach(TOKEN.token, lambda payload: 1 / 0)
    other = PushToken("ben", "phone", "local", "ben's")
    gateway.attach(other.token, got.append)
    assert await send(gateway, push("a")) == [DELIVERED]
    assert await send(gateway, push("a"), token=other) == [DELIVERED]
    assert len(got) == 1
    assert "ana's phone" not in caplog.text


@pytest.mark.parametrize("token", ["", "x" * 5000])
def test_a_token_that_is_none_is_refused(token):
    assert LocalGateway().check(token) is not None
    assert LocalGateway().check("phone 1") is None
