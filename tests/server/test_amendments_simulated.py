"""Changes and receipts on networks that lose, stall and die."""

import asyncio

import pytest

from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client
from tests.server.waiting import until

LOBBY = {"roomId": "lobby"}
COUNT = 12


def on_server(script, *, seed=0):
    """Play ``script(world, server)`` with a server on a host of its own."""

    async def main(world):
        with world.on("server"):
            server = RealtimeServer(host="server", allow_unauthenticated=True)
            await server.start()
        result = await script(world, server)
        with world.on("server"):
            await server.stop()
        return result

    return simulate(main, seed=seed, max_virtual_s=3600).result


async def page(client):
    return (await client.call("chat:history", LOBBY | {"limit": 200}))["messages"]


async def everybody_is_there(server, count):
    await until(lambda: len(server.namespace("/").rooms.members("lobby")) == count, deadline_s=60)


async def change_and_listen(world, server, name):
    """Write a message, then edit it and react to everything, without waiting for answers; hear the other do so."""
    world.set_profile(name, "very-bad")
    with world.on(name):
        async with raw_client(server, name, room="lobby", deadline_s=300) as client:
            await everybody_is_there(server, 2)
            asked = [await client.ask("chat:message", LOBBY | {"messageId": name, "text": "v0"})]
            assert (await client.answer(asked[0]))["ok"]
            heard = [await client.event("chat:message")]
            for n in range(1, COUNT + 1):
                edit = LOBBY | {"messageId": name, "text": f"v{n}", "changeId": f"edit {n}"}
                asked.append(await client.ask("chat:edit", edit))
                for emoji, action in ((f"e{n}", "add"), (f"e{n - 1}", "remove")):
                    about = {"messageId": heard[0][1]["messageId"], "emoji": emoji, "action": action}
                    asked.append(await client.ask("chat:reaction", LOBBY | about | {"changeId": f"{emoji} {action}"}))
                await asyncio.sleep(0.5)
            answers = [await client.answer(ack_id) for ack_id in asked[1:]]
            assert all(answer["ok"] for answer in answers)
            # "remove e0" changes nothing: it is answered, and not heard. All else of the other is heard: 3 a turn.
            heard += [await client.event() for _ in range(3 * COUNT - 1)]
            return heard, answers


@pytest.mark.parametrize("seed", range(3))
def test_on_lossy_links_every_change_is_heard_once_in_the_order_of_the_log(seed):
    async def script(world, server):
        tasks = [world.spawn(name, change_and_listen(world, server, name)) for name in ("ana", "ben")]
        results = [await task for task in tasks]
        with world.on("cem"):
            async with raw_client(server, "cem", room="lobby") as cem:
                return results, await page(cem)

    results, log = on_server(script, seed=seed)
    assert [entry["offset"] for entry in log] == list(range(1, len(log) + 1))
    for (heard, answers), other in zip(results, ("ben", "ana"), strict=True):
        theirs = [entry["offset"] for entry in log if entry["userId"] == other]
        assert [body["offset"] for _, body in heard] == theirs
        offsets = [answer["offset"] for answer in answers if answer["offset"] not in (1, 2)]  # but "remove e0"
        assert offsets == sorted(set(offsets))
    for message in log[:2]:
        other = "ben" if message["userId"] == "ana" else "ana"
        assert message["text"] == f"v{COUNT}"
        assert message["reactions"] == {f"e{COUNT}": [other]}


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("chat:edit", {"text": "better"}),
        ("chat:delete", {}),
        ("chat:reaction", {"emoji": "👍", "action": "add"}),
    ],
)
def test_a_change_whose_answer_is_lost_is_applied_once(event, fields):
    """The line is cut when the change has arrived; the phone returns, and sends it again."""
    change = LOBBY | {"messageId": "m1", "changeId": "c1"} | fields

    async def script(world, server):
        with world.on("ana"):
            async with raw_client(server, "ana", room="lobby") as ana:
                await ana.call("chat:message", LOBBY | {"messageId": "m1", "text": "x"})
                listener = world.spawn("ben", listen(server))
                await everybody_is_there(server, 2)
                await ana.ask(event, change)
                while not server.stats.changes_logged:
                    await asyncio.sleep(0.001)
                world.unplug("ana")
                world.reset("ana")
            world.replug("ana")
            async with raw_client(server, "ana", room="lobby") as ana:
                first = await ana.call(event, change)
                again = await ana.call(event, change)
                await ana.call("chat:message", LOBBY | {"messageId": "m2", "text": "end"})
                return first, again, await listener, server.stats

    async def listen(server):
        async with raw_client(server, "ben", room="lobby") as ben:
            heard = []
            while not heard or heard[-1][0] != "chat:message":
                heard.append(await ben.event())
            return heard

    first, again, heard, stats = on_server(script)
    assert first["ok"]
    assert (first, first["offset"]) == (again, 2)
    assert [name for name, _ in heard if name.startswith("chat:")] == [event, "chat:message"]
    assert (stats.changes_logged, stats.duplicates) == (1, 2)


def test_a_phone_that_comes_back_from_the_background_sees_what_was_changed_and_read_meanwhile():
    async def script(world, server):
        with world.on("ana"):
            async with raw_client(server, "ana", room="lobby") as ana:
                for n in (1, 2, 3):
                    await ana.call("chat:message", LOBBY | {"messageId": f"m{n}", "text": "x"})
                since = (await ana.call("room:join", LOBBY))["position"]
                await ana.call("app:state", {"state": "background"})
            with world.on("ben"):
                async with raw_client(server, "ben", room="lobby") as ben:
                    await ben.call("chat:read", LOBBY | {"upTo": 3})
                    await ben.call("chat:reaction", LOBBY | {"messageId": "m3", "emoji": "👍", "action": "add"})
                    async with raw_client(server, "ana", room="lobby") as tablet:
                        await tablet.call("chat:edit", LOBBY | {"messageId": "m1", "text": "better"})
                        await tablet.call("chat:delete", LOBBY | {"messageId": "m2"})
            async with raw_client(server, "ana") as ana:
                return await ana.call("room:join", LOBBY | {"since": since}), await page(ana)

    joined, log = on_server(script)
    assert joined["recovered"]
    assert [entry["event"] for entry in joined["messages"]] == ["chat:reaction", "chat:edit", "chat:delete"]
    assert joined["receipts"] == [{"userId": "ben", "received": 3, "read": 3}]
    assert [message["text"] for message in log[:3]] == ["better", "", "x"]
    assert [message["revision"] for message in log[:3]] == [5, 6, 4]
    assert log[2]["reactions"] == {"👍": ["ben"]}


@pytest.mark.parametrize("seed", range(3))
def test_on_lossy_links_markers_end_where_they_were_moved(seed):
    async def follow(world, server, name):
        """Report everything as received, and as read a while later."""
        world.set_profile(name, "very-bad")
        with world.on(name):
            async with raw_client(server, name, room="lobby", deadline_s=300) as client:
                for _ in range(COUNT):
                    _, message = await client.event("chat:message")
                    await client.send(f'42["chat:received",{{"roomId":"lobby","upTo":{message["offset"]}}}]')
                    await asyncio.sleep(0.3)
                    await client.send(f'42["chat:read",{{"roomId":"lobby","upTo":{message["offset"]}}}]')
                await client.call("app:state", {"state": "background"})

    async def script(world, server):
        with world.on("ana"):
            async with raw_client(server, "ana", room="lobby", deadline_s=300) as ana:
                tasks = [world.spawn(name, follow(world, server, name)) for name in ("ben", "cem")]
                await everybody_is_there(server, 3)
                for n in range(1, COUNT + 1):
                    await ana.call("chat:message", LOBBY | {"messageId": f"m{n}", "text": "x"})
                for task in tasks:
                    await task
                reply = await ana.call("room:join", LOBBY)
                events = []
                ana.deadline_s = 1.0  # authors are told a moment later
                while True:
                    try:
                        events.append(await ana.event())
                    except TimeoutError:
                        return reply["receipts"], events

    receipts, events = on_server(script, seed=seed)
    assert receipts == [{"userId": name, "received": COUNT, "read": COUNT} for name in ("ben", "cem")]
    for name in ("ben", "cem"):
        for kind in ("chat:message_delivered", "chat:read"):
            told = [each for event, body in events if event == kind for each in (body, *body.get("others", ()))]
            moves = [each["upTo"] for each in told if each["userId"] == name]
            assert moves == sorted(set(moves))
            assert moves[-1] == COUNT
