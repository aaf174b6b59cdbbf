"""A client that comes back goes on with its session, and hears all that it missed, or is told that it does not."""

import asyncio
import contextlib
import json

import pytest

from realtime.server.realtime_server import RealtimeServer
from tests.server.raw_client import raw_client
from tests.server.waiting import until

ANA = {"userId": "ana", "deviceId": "phone"}
BEN = {"userId": "ben", "deviceId": "phone"}


class App:
    """A server whose application notes what it is told, and puts every session into the room it is asked to.

    Its rooms tell no change of presence in the time of a test, unless ``presence_batch_s`` says otherwise.
    """

    def __init__(self, *, presence_batch_s=600, **options):
        self.told = []
        self.sessions = {}
        self.server = RealtimeServer(port=0, presence_batch_s=presence_batch_s, **options)
        self.main = self.server.namespace("/")
        self.main.on("connect", self._connected)
        self.main.on("disconnect", lambda session, reason: self.told.append(("disconnect", session.user_id, reason)))
        self.main.on("enter", self._enter)

    def _connected(self, session):
        self.sessions[session.user_id] = session
        self.told.append(("connect", session.user_id, session.recovered))

    def _enter(self, session, room):
        self.main.rooms.join(room, session, session.member)
        return "in"

    async def heard(self, *told):
        """Wait until this is the last that the application was told."""
        await until(lambda: self.told[-len(told) :] == list(told), f"{told}, of {self.told}")

    async def lose(self, client, user="ana"):
        """Cut a client off without a word."""
        client.websocket.transport.abort()
        await until(lambda: not self.sessions[user].connected, "the loss")

    def client(self, **options):
        return raw_client(self.server, connected=False, **options)


@contextlib.asynccontextmanager
async def app(**options):
    world = App(**options)
    async with world.server:
        yield world


async def connected(client, auth=ANA):
    await client.join_namespace(auth)
    return client


async def in_room(client, room, auth=ANA):
    await connected(client, auth)
    assert await client.call("enter", room) == "in"
    return client


async def test_a_client_is_promised_its_session_unless_it_wants_none():
    async with app() as world, world.client() as ana, world.client() as ben:
        await connected(ana)
        await connected(ben, BEN | {"recovery": False})
        assert ana.pid
        assert ben.pid is None
        world.server.emit("news", "last")
        assert (await ana.event(), ana.offset) == (("news", "last"), f"{ana.pid.partition('.')[0]}.1")
        assert await ben.receive() == '42["news","last"]'


@pytest.mark.clause("RT-CON-12")
async def test_all_that_was_missed_comes_before_the_answer_and_in_order():
    async with app() as world, world.client() as ana, world.client() as back:
        await in_room(ana, "lobby")
        session = world.sessions["ana"]
        session.emit("heard")
        assert await ana.event() == ("heard",)
        sid, pid = ana.sid, ana.pid
        await world.lose(ana)
        world.server.emit("to all", 1)
        world.server.emit("to the room", 2, room="lobby")
        world.server.emit("to another room", 3, room="attic")
        session.emit("to her", 4)
        world.server.emit("to her", 5, session=session)
        missed = await back.resume(ana, ANA)
        assert missed == [["to all", 1], ["to the room", 2], ["to her", 4], ["to her", 5]]
        assert (back.sid, back.pid) == (sid, pid)
        world.server.emit("live", 6, room="lobby")
        assert await back.event() == ("live", 6)
        assert world.sessions["ana"] is session
        assert world.server.stats.sessions_recovered == 1


async def test_the_application_is_told_of_the_loss_and_of_the_return():
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        await world.lose(ana)
        await world.heard(("connect", "ana", False), ("disconnect", "ana", "connection lost"))
        await back.resume(ana, ANA)
        await world.heard(("connect", "ana", True))


async def test_a_session_is_recovered_as_often_as_needed():
    async with app() as world, contextlib.AsyncExitStack() as stack:
        ana = await in_room(await stack.enter_async_context(world.client()), "lobby")
        for n in range(4):
            world.server.emit("live", n, room="lobby")
            assert await ana.event() == ("live", n)
            await world.lose(ana)
            world.server.emit("missed", n, room="lobby")
            back = await stack.enter_async_context(world.client())
            assert await back.resume(ana, ANA) == [["missed", n]]
            ana = back


async def test_a_session_is_recovered_before_its_first_event():
    async with app() as world, world.client() as ana, world.client() as back:
        world.server.emit("before her time")
        await connected(ana)
        await world.lose(ana)
        world.server.emit("missed")
        assert await back.resume(ana, ANA) == [["missed"]]


async def test_volatile_events_have_offsets_and_are_not_repeated():
    async with app() as world, world.client() as ana, world.client() as back:
        await in_room(ana, "lobby")
        typing = world.main.frame("typing", b'"alice"')
        world.server.emit("live", 1, room="lobby")
        world.main.broadcast("lobby", typing, volatile=True)
        assert await ana.event() == ("live", 1)
        assert await ana.event() == ("typing", "alice")
        assert ana.offset.endswith(".2")
        await world.lose(ana)
        world.main.broadcast("lobby", typing, volatile=True)
        world.server.emit("missed", 2, room="lobby")
        assert await back.resume(ana, ANA) == [["missed", 2]]


async def test_bytes_are_missed_and_come_too():
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        await world.lose(ana)
        world.sessions["ana"].emit("photo", b"\x00\xff")
        await back.send(f"40{json.dumps(ANA | {'pid': ana.pid})}")
        assert (await back.receive()).startswith('451-["photo",{"_placeholder":true,"num":0},"')
        assert await back.receive() == b"\x00\xff"
        assert (await back.receive()).startswith("40{")


async def test_each_namespace_has_sessions_of_its_own():
    async with app() as world:
        custom = world.server.namespace("/custom")
        async with world.client() as ana, world.client() as back:
            await ana.join_namespace(ANA, "/custom")
            await until(lambda: custom.sessions)
            ana.websocket.transport.abort()
            await until(lambda: not custom.sessions)
            custom.emit("missed", 1)
            world.server.emit("elsewhere")
            assert await back.resume(ana, ANA, "/custom") == [["missed", 1]]


@pytest.mark.clause("RT-CON-13")
async def test_a_dead_connection_that_seems_alive_is_taken_over_at_once():
    async with (
        app(presence_batch_s=0) as world,
        world.client() as ben,
        world.client() as zombie,
        world.client() as back,
    ):
        await connected(ben, BEN)
        assert (await ben.call("room:join", {"roomId": "lobby"}))["ok"]
        await connected(zombie)
        assert (await zombie.call("room:join", {"roomId": "lobby"}))["ok"]
        assert (await ben.event("presence:diff"))[1]["joins"]
        session = world.sessions["ana"]
        world.server.emit("written to the dead", 1, room="lobby")
        session.emit("written to the dead", 2)
        missed = [event for event in await back.resume(zombie, ANA) if event[0] != "presence:diff"]
        assert missed == [["written to the dead", 1], ["written to the dead", 2]]
        assert back.sid == zombie.sid
        assert await zombie.closed() == (1001, "taken over by a new connection")
        await world.heard(("disconnect", "ana", "taken over by a new connection"), ("connect", "ana", True))
        world.server.emit("live", 3, room="lobby")
        while (event := await back.event())[0] == "presence:diff":
            pass
        assert event == ("live", 3)
        heard = []
        while ("live", 3) not in heard:
            heard.append(await ben.event())
        assert ("written to the dead", 1) in heard
        assert not any(event == "presence:diff" and told["leaves"] for event, told in heard)
        assert world.server.stats.sessions == 2


async def test_an_answer_of_the_connection_before_reaches_no_other():
    answering = asyncio.Event()
    async with app() as world, world.client() as zombie, world.client() as back:

        async def slow(session):
            await answering.wait()
            return "late"

        world.server.on("slow", slow)
        await connected(zombie)
        asked = await zombie.ask("slow")
        await zombie.call("app:state", {"state": "active"})
        await back.resume(zombie, ANA)
        assert await back.ask("slow") == asked  # the same number means another question now
        answering.set()
        assert await back.answer(asked) == "late"
        await back.send('4277["app:state",{"state":"active"}]')
        assert (await back.receive()).startswith("4377"), "one answer to one question"


async def after_diffs(client, kind):
    """The next diff with joins, or with leaves."""
    while True:
        [_, diff] = await client.event("presence:diff")
        if diff[kind]:
            return diff[kind][0]


async def test_others_see_the_leave_and_the_return_and_the_client_sees_neither():
    async with app(presence_grace_s=0, presence_batch_s=0) as world, contextlib.AsyncExitStack() as stack:
        ben, ana, back = [await stack.enter_async_context(world.client()) for _ in range(3)]
        await connected(ben, BEN)
        await ben.call("room:join", {"roomId": "lobby"})
        await connected(ana)
        await ana.call("room:join", {"roomId": "lobby"})
        await ana.call("app:state", {"state": "background"})
        joins = [await after_diffs(ben, "joins") for _ in range(3)]
        assert [(join["userId"], join["state"]) for join in joins] == [
            ("ben", "active"),
            ("ana", "active"),
            ("ana", "background"),
        ]
        await ana.event("presence:diff")
        await ana.event("presence:diff")
        await world.lose(ana)
        assert await after_diffs(ben, "leaves") == {"userId": "ana", "deviceId": "phone"}
        assert [member.user_id for member in world.main.rooms.members("lobby")] == ["ben"]
        message = {"roomId": "lobby", "messageId": "m", "text": "while she was away"}
        assert (await ben.call("chat:message", message))["ok"]
        missed = await back.resume(ana, ANA)
        assert [event for event, _ in missed] == ["presence:diff", "chat:message"], "her own leave is of no interest"
        assert missed[1][1]["text"] == "while she was away"
        join = await after_diffs(ben, "joins")
        assert (join["userId"], join["state"], join["status"]) == ("ana", "background", "away")
        assert (await ben.call("chat:message", message | {"messageId": "m2", "text": "now"}))["ok"]
        assert (await back.event("chat:message"))[1]["text"] == "now"


async def test_a_sender_that_is_back_does_not_hear_itself():
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        await ana.call("room:join", {"roomId": "lobby"})
        await ana.ask("chat:message", {"roomId": "lobby", "messageId": "m", "text": "mine"})
        await world.lose(ana)
        assert await back.resume(ana, ANA) == []
        history = await back.call("chat:history", {"roomId": "lobby"})
        assert [message["text"] for message in history["messages"]] == ["mine"]


async def test_a_room_with_nobody_but_who_is_away_is_still_told():
    async with app() as world, world.client() as ana, world.client() as ben, world.client() as back:
        for client, auth in ((ben, BEN), (ana, ANA)):
            await connected(client, auth)
            await client.call("room:join", {"roomId": "lobby"})
        await world.lose(ana)
        await ben.call("chat:message", {"roomId": "lobby", "messageId": "m", "text": "alone here"})
        [[_, missed]] = await back.resume(ana, ANA)
        assert missed["text"] == "alone here"


@pytest.mark.parametrize("offset", ["", "x", "{epoch}", "{epoch}.", "{epoch}.9", "{epoch}.01", "Q84NiQw.1", 7, []])
async def test_an_offset_that_was_never_given_means_a_new_session_never_nothing_missed(offset):
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        world.sessions["ana"].emit("heard")
        await ana.event()
        await world.lose(ana)
        world.server.emit("missed")
        offset = offset.format(epoch=ana.pid.partition(".")[0]) if isinstance(offset, str) else offset
        assert await back.resume(ana, ANA, offset=offset) == []
        assert (back.sid != ana.sid, back.pid != ana.pid) == (True, True)
        await world.heard(("connect", "ana", False))
        assert world.server.stats.recoveries_refused == 1
        assert world.main.find(ana.sid) is None  # whoever begins anew will not ask for it again


async def test_an_unknown_private_id_means_a_new_session():
    async with app() as world, world.client() as ana:
        ana.pid, ana.offset = "none of ours", "x.1"
        assert await ana.resume(ana, ANA) == []
        assert ana.pid != "none of ours"
        await world.heard(("connect", "ana", False))


async def test_a_refused_zombie_is_ended_too():
    async with app() as world, world.client() as zombie, world.client() as back:
        await connected(zombie)
        await back.resume(zombie, ANA, offset="nonsense")
        assert (await zombie.closed())[1] == "taken over by a new connection"
        assert world.server.stats.sessions == 1
        assert [told[0] for told in world.told] == ["connect", "disconnect", "connect"]


async def test_somebody_elses_private_id_opens_nothing_and_spoils_nothing():
    async with app() as world, world.client() as ana, world.client() as mallory, world.client() as back:
        await connected(ana)
        await world.lose(ana)
        world.server.emit("missed")
        assert await mallory.resume(ana, {"userId": "mallory"}) == []
        assert mallory.sid != ana.sid
        assert world.sessions["mallory"].device_id == mallory.sid
        assert await back.resume(ana, ANA) == [["missed"]]


async def test_a_token_is_checked_before_a_session_is_given_back():
    async def check(auth):
        await asyncio.sleep(0)
        return {"t-ana": "ana", "t-eve": "eve"}.get(auth.get("token"))

    async with app(authenticate=check) as world, contextlib.AsyncExitStack() as stack:
        client, bad, eve, back = [await stack.enter_async_context(world.client()) for _ in range(4)]
        await client.join_namespace({"token": "t-ana"})
        await world.lose(client)
        await bad.send(f"40{json.dumps({'token': 'stolen', 'pid': client.pid})}")
        assert (await bad.receive()).startswith("44")
        await eve.resume(client, {"token": "t-eve"})
        assert eve.sid != client.sid
        await back.resume(client, {"token": "t-ana"})
        assert back.sid == client.sid


async def test_in_development_a_client_without_a_name_gets_its_session_back():
    async with app() as world, world.client() as client, world.client() as back:
        await client.join_namespace()
        [name] = world.sessions
        await world.lose(client, name)
        assert await back.resume(client) == []
        assert back.sid == client.sid
        assert list(world.sessions) == [name]


@pytest.mark.parametrize("how", ["41", "1", "4abc", "server"])
async def test_who_ends_a_session_on_purpose_does_not_get_it_back(how):
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        session = world.sessions["ana"]
        if how == "server":
            session.disconnect()
        else:
            await ana.send(how)
        await until(lambda: not session.connected)
        session.emit("to nobody")
        assert await back.resume(ana, ANA) == []
        assert back.sid != ana.sid


async def test_the_server_can_end_a_session_that_is_away():
    async with app() as world, world.client() as ana, world.client() as back:
        await connected(ana)
        await world.lose(ana)
        assert repr(world.sessions["ana"]).endswith("away>")
        world.sessions["ana"].disconnect()
        world.sessions["ana"].disconnect()
        assert [told[0] for told in world.told] == ["connect", "disconnect"]
        await back.resume(ana, ANA)
        assert back.sid != ana.sid


@pytest.mark.clause("RT-CON-12")
async def test_who_stays_away_too_long_begins_anew():
    async with app(recovery_s=0.05) as world, world.client() as ana, world.client() as back:
        await connected(ana)
        await world.lose(ana)
        await until(lambda: world.main.find(ana.sid) is None, "the end of the session")
        assert repr(world.sessions["ana"]).endswith("disconnected>")
        await back.resume(ana, ANA)
        assert back.sid != ana.sid


async def test_users_are_followed_while_the_follower_is_away_and_not_for_longer():
    async with app(presence_batch_s=0) as world, world.client() as ana, world.client() as ben, world.client() as back:
        await connected(ana)
        await connected(ben, BEN)
        assert (await ana.call("presence:subscribe", {"userIds": ["ben"]}))["ok"]
        await world.lose(ana)
        assert (await ben.call("presence:update", {"status": "busy"}))["ok"]
        assert await back.resume(ana, ANA) == [["presence:status", {"userId": "ben", "status": "busy"}]]
        assert (await ben.call("presence:update", {"status": "away"}))["ok"]
        assert await back.event() == ("presence:status", {"userId": "ben", "status": "away"})
        await world.lose(back)
        world.sessions["ana"].disconnect()
        assert world.server._presence._followers == world.server._presence._follows == {}


async def test_notifications_of_the_time_away_come_at_the_return_and_what_was_seen_elsewhere_is_withdrawn():
    async with app() as world, world.client() as ana, world.client() as tablet, world.client() as back:
        await connected(ana)
        await connected(tablet, ANA | {"deviceId": "tablet"})
        first = world.main.find(ana.sid)
        ana.websocket.transport.abort()
        await until(lambda: not first.connected, "the loss")
        world.server.notify("ana", id="n-1", title="Tram")
        world.server.notify("ben", id="n-2", title="Bus")
        world.server.notify("ana", id="n-3", title="too late after this", ttl_s=60)
        assert (await tablet.call("push:read", {"id": "n-1"}))["ok"]
        [told, withdrawn] = await back.resume(ana, ANA)
        assert told == ["notification", {"id": "n-1", "title": "Tram", "body": "", "data": {}}]
        assert withdrawn == ["notification:withdrawn", {"id": "n-1"}]


async def test_where_nothing_is_kept_nothing_is_promised():
    async with app(recovery_s=0) as world, world.client() as ana, world.client() as back:
        await connected(ana)
        assert ana.pid is None
        await back.send(f"40{json.dumps(ANA | {'pid': 'p', 'offset': 'o'})}")
        assert set(json.loads((await back.receive())[2:])) == {"sid"}


@pytest.mark.parametrize("recovery_s", [-1, float("inf"), float("nan")])
def test_a_window_that_makes_no_sense_is_refused(recovery_s):
    with pytest.raises(ValueError, match="recovery_s"):
        RealtimeServer(recovery_s=recovery_s)


async def test_a_frame_is_made_once_for_each_kind_of_receiver(monkeypatch):
    made = []
    for name in ("numbered_frames", "packet_frames"):
        for module in ("namespace", "replay_buffer"):
            path = f"realtime.server.{module}.{name}"
            with contextlib.suppress(AttributeError):
                monkeypatch.setattr(path, _noting(path, made))
    async with app() as world, contextlib.AsyncExitStack() as stack:
        for n in range(6):
            client = await stack.enter_async_context(world.client())
            await in_room(client, "lobby", {"userId": f"u{n}", "recovery": n % 2 == 0})
        world.server.emit("news", room="lobby")
        assert sorted(made) == ["numbered_frames", "packet_frames"]


def _noting(path, made):
    module, _, name = path.rpartition(".")
    original = getattr(__import__(module, fromlist=[name]), name)

    def noting(*args):
        made.append(name)
        return original(*args)

    return noting
