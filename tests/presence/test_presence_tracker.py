"""Who is in a room, over a connection that comes and goes."""

import pytest

from realtime.presence.presence_tracker import PresenceTracker
from realtime.sim.world import simulate
from tests.fake_socket import FakeSocket

ANA = {"userId": "ana", "deviceId": "phone", "state": "active", "status": "online", "since": 1}
BEN = ANA | {"userId": "ben"}


def place(*members, n=1, epoch="e"):
    return {"members": list(members), "epoch": epoch, "n": n}


class Story:
    """A tracker in the lobby, and all that it tells."""

    def __init__(self, **options):
        self.socket = FakeSocket()
        self.tracker = PresenceTracker(self.socket, **options)
        self.told = []
        for event in ("join", "change", "leave"):
            self.tracker.on(event, lambda room, member, event=event: self.told.append((event, room, member.user_id)))
        self.state = self.tracker.enter("lobby")

    def diff(self, n, joins=(), leaves=()):
        self.socket.dispatch(
            "presence:diff", {"roomId": "lobby", "joins": list(joins), "leaves": list(leaves), "n": n}, "e.1"
        )

    @property
    def users(self):
        return self.state.snapshot.users


@pytest.fixture
async def story():
    return Story()


@pytest.mark.clause("RT-PRES-1")
async def test_members_are_asked_for_and_followed(story):
    assert story.socket.said() == ["presence:sync"]
    story.diff(1, [ANA])
    assert (story.users, story.state.snapshot.synced) == ((), False)
    story.socket.answer("presence:sync", **place(ANA))
    assert (story.users, story.state.snapshot.synced) == (("ana",), True)
    story.diff(2, [BEN])
    story.diff(3, [BEN | {"status": "busy"}])
    story.diff(4, [], [{"userId": "ben", "deviceId": "phone"}])
    assert story.told == [
        ("join", "lobby", "ana"),
        ("join", "lobby", "ben"),
        ("change", "lobby", "ben"),
        ("leave", "lobby", "ben"),
    ]
    assert story.tracker.rooms == ("lobby",)
    assert repr(story.tracker) == "<PresenceTracker rooms=lobby>"


@pytest.mark.clause("RT-PRES-2")
async def test_a_hole_asks_again_once(story):
    story.socket.answer("presence:sync", **place(ANA))
    story.socket.said()
    story.diff(3, [BEN])
    story.diff(4, [BEN | {"status": "busy"}])
    assert story.socket.said() == ["presence:sync"]
    story.socket.answer("presence:sync", **place(ANA, n=2))
    assert story.users == ("ana", "ben")


async def test_after_a_reconnect_it_asks_again_and_tells_only_what_changed(story):
    story.socket.answer("presence:sync", **place(ANA, BEN))
    story.told.clear()
    story.socket.said()
    story.socket.disconnect()
    assert (story.users, story.state.snapshot.synced) == (("ana", "ben"), False)
    story.socket.connect()
    assert story.socket.said() == ["presence:sync"]
    story.socket.answer("presence:sync", **place(BEN, n=9))
    assert story.told == [("leave", "lobby", "ana")]


def test_after_a_restart_of_the_server_who_comes_back_within_the_grace_was_never_gone():
    async def script(world):
        story = Story(restart_grace_s=15.0)
        story.socket.answer("presence:sync", **place(ANA, BEN, BEN | {"userId": "cem"}))
        story.told.clear()
        story.socket.disconnect()
        story.socket.connect()
        await world.until(100)
        story.socket.answer("presence:sync", **place(ANA, n=1, epoch="another life"))
        story.diff(2, [BEN])
        await world.until(114.9)
        before = story.users, list(story.told)
        story.socket.disconnect()
        await world.until(115.1)
        return before, story.users, story.told

    before, users, told = simulate(script).result
    assert before == (("ana", "ben", "cem"), [])
    assert (users, told) == (("ana", "ben"), [("leave", "lobby", "cem")])


def test_each_restart_of_the_server_has_a_grace_of_its_own():
    async def script(world):
        story = Story(restart_grace_s=15.0)
        story.socket.answer("presence:sync", **place(ANA, BEN, BEN | {"userId": "cem"}))
        story.told.clear()
        for at_s, who in ((100, (ANA, BEN)), (110, (ANA,))):  # cem is away all the time, ben comes back at 116 s
            await world.until(at_s)
            story.socket.disconnect()
            story.socket.connect()
            story.socket.answer("presence:sync", **place(*who, n=1, epoch=f"life of {at_s}"))
        await world.until(116)
        story.diff(2, [BEN])
        before = list(story.told)
        await world.until(125.1)
        return before, story.told, story.users

    assert simulate(script).result == ([], [("leave", "lobby", "cem")], ("ana", "ben"))


def test_closed_it_waits_for_nobody():
    async def script(world):
        story = Story()
        story.socket.answer("presence:sync", **place(ANA, BEN))
        story.socket.disconnect()
        story.socket.connect()
        story.socket.answer("presence:sync", **place(n=1, epoch="another life"))
        story.told.clear()
        story.tracker.close()
        await world.until(100)
        return story.told

    assert simulate(script).result == []


async def test_a_grace_below_zero_is_refused():
    with pytest.raises(ValueError, match="restart_grace_s"):
        PresenceTracker(FakeSocket(), restart_grace_s=-1.0)


async def test_where_the_room_is_not_joined_yet_it_waits_for_its_first_diff(story):
    story.socket.refuse("presence:sync", "not_member")
    story.socket.said()
    story.diff(7, [ANA])  # whoever joins hears of it
    assert story.socket.said() == ["presence:sync"]
    story.socket.answer("presence:sync", **place(ANA, n=7))
    assert story.users == ("ana",)


async def test_what_makes_no_sense_is_ignored(story):
    story.socket.answer("presence:sync", {"ok": True, "members": 3})
    assert story.users == ()
    story.socket.dispatch("presence:diff", {"joins": []})
    story.socket.dispatch("presence:diff")
    story.socket.dispatch("presence:diff", {"roomId": "attic", "n": 1})
    assert story.users == ()


async def test_alone_it_joins_the_rooms_itself():
    story = Story(joins=True)
    assert story.socket.said("room:join") == [{"roomId": "lobby", "limit": 1}]
    story.socket.answer("room:join", members=[ANA], presence={"epoch": "e", "n": 4}, position="x:0")
    assert story.users == ("ana",)
    story.diff(6, [BEN])
    assert story.socket.said() == ["presence:sync"]
    story.socket.disconnect()
    story.socket.connect()
    assert story.socket.said() == ["room:join"]
    story.tracker.leave("lobby")
    assert story.socket.said() == ["room:leave"]


async def test_a_room_that_was_left_is_empty_and_silent(story):
    story.socket.answer("presence:sync", **place(ANA))
    story.socket.said()
    story.tracker.leave("lobby")
    story.tracker.leave("lobby")
    assert (story.users, story.tracker.rooms) == ((), ())
    story.diff(2, [BEN])
    story.socket.disconnect()
    story.socket.connect()
    assert story.socket.said() == []
    story.tracker.enter("lobby")
    assert story.socket.said() == ["presence:sync"]


async def test_closed_it_hears_nothing(story):
    story.socket.answer("presence:sync", **place(ANA))
    story.tracker.close()
    story.diff(2, [BEN])
    assert story.users == ("ana",)
    assert not story.socket.handles("presence:diff")


async def test_as_a_frame(story):
    types = {name: str(dtype) for name, dtype in story.tracker.to_frame().dtypes.items()}
    assert types == {
        "room_id": "object",
        "user_id": "object",
        "device_id": "object",
        "state": "category",
        "status": "category",
        "text": "object",
        "meta": "object",
        "since": "datetime64[ms, UTC]",
    }
    story.socket.answer("presence:sync", **place(ANA, BEN | {"text": "on the tram", "meta": {"floor": 3}}))
    frame = story.tracker.to_frame()
    assert list(frame["user_id"]) == ["ana", "ben"]
    assert list(frame["text"]) == [None, "on the tram"]
    assert list(frame["meta"]) == [None, {"floor": 3}]
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == types
    assert story.state.snapshot.to_frame().equals(frame)
    assert story.tracker.to_frame("attic").empty
