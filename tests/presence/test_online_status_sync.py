"""One's own status, and those of the users that one follows."""

import pytest

from realtime.presence.online_status_sync import OnlineStatusSync, OwnStatus
from realtime.presence.wire import UserStatus
from realtime.protocol.errors import LocalProtocolError
from realtime.sim.world import simulate
from tests.fake_socket import FakeSocket


@pytest.fixture
async def socket():
    return FakeSocket()


@pytest.fixture
async def sync(socket):
    return OnlineStatusSync(socket)


def payloads(socket, event):
    return [each.payload for each in socket.asked if each.event == event]


@pytest.mark.parametrize("follow", [OnlineStatusSync.subscribe, OnlineStatusSync.unsubscribe])
async def test_one_user_is_no_set_of_users(socket, sync, follow):
    """A text would be taken for the users b, e and n."""
    with pytest.raises(LocalProtocolError, match=r"a list of user ids, such as \['ben'\], not 'ben'"):
        follow(sync, "ben")
    assert (sync.subscriptions, socket.said()) == ((), [])


class TestOwn:
    async def test_nothing_is_told_that_was_not_chosen(self, socket, sync):
        assert (sync.own.snapshot, sync.chosen) == (OwnStatus("online"), "online")
        socket.disconnect()
        assert sync.own.snapshot == OwnStatus("offline")
        socket.connect()
        assert socket.said() == []
        assert sync.own.snapshot == OwnStatus("online")

    async def test_a_choice_is_told_now_and_at_every_connection(self, socket, sync):
        sync.set_status("busy", "in a lift")
        assert socket.said("presence:update") == [{"status": "busy", "text": "in a lift"}]
        assert sync.own.snapshot == OwnStatus("busy", "in a lift")
        socket.disconnect()
        sync.set_status("away")
        assert socket.said() == []
        assert sync.own.snapshot == OwnStatus("offline", "in a lift")
        assert sync.chosen == "away"
        socket.connect()
        assert socket.said("presence:update") == [{"status": "away", "text": "in a lift"}]

    async def test_a_text_can_be_taken_away(self, socket, sync):
        sync.set_status("online", "here")
        sync.set_status("online", None)
        assert socket.said("presence:update")[-1] == {"status": "online", "text": None}
        assert sync.own.snapshot == OwnStatus("online")

    @pytest.mark.clause("RT-PRES-7")
    async def test_meta_is_told_like_a_status_and_each_stays_when_the_other_is_set(self, socket, sync):
        sync.set_meta({"floor": 3})
        assert socket.said("presence:update") == [{"meta": {"floor": 3}}]
        assert sync.own.snapshot == OwnStatus("online", None, {"floor": 3})
        socket.disconnect()
        sync.set_status("busy")
        socket.connect()
        assert socket.said("presence:update") == [{"status": "busy", "text": None, "meta": {"floor": 3}}]
        sync.set_meta(None)
        assert socket.said("presence:update") == [{"meta": None}]
        assert sync.own.snapshot == OwnStatus("busy")
        socket.disconnect()
        socket.connect()
        assert socket.said("presence:update") == [{"status": "busy", "text": None, "meta": None}]

    @pytest.mark.parametrize("meta", [{"x": "y" * 1024}, {"x": object()}, ["floor", 3]], ids=["big", "strange", "list"])
    async def test_meta_that_the_server_would_refuse_is_refused_at_once(self, socket, sync, meta):
        with pytest.raises(LocalProtocolError, match="meta"):
            sync.set_meta(meta)
        assert socket.said() == []

    @pytest.mark.clause("RT-PRES-7")
    async def test_every_connection_begins_with_it_so_that_nobody_sees_another_status_first(self, socket, sync):
        assert socket.auth["presence"]() == {"state": "active"}
        socket.disconnect()
        sync.set_status("invisible", "in a lift")
        sync.set_meta({"floor": 3})
        assert socket.auth["presence"]() == {
            "status": "invisible",
            "text": "in a lift",
            "meta": {"floor": 3},
            "state": "active",
        }
        socket.app_state.background()
        assert socket.auth["presence"]()["state"] == "background"
        sync.close()
        assert socket.auth == {}

    async def test_who_comes_back_while_connecting_says_so_after_the_handshake(self, socket, sync):
        socket.disconnect()
        socket.app_state.background()
        assert socket.auth["presence"]() == {"state": "background"}
        socket.app_state.foreground()
        socket.connect()
        assert socket.said("app:state") == [{"state": "active"}]
        socket.disconnect()
        socket.auth["presence"]()
        socket.connect()
        assert socket.said() == []

    async def test_in_the_background_one_is_away_and_then_again_what_one_chose(self, socket, sync):
        shown = []
        sync.own.observe(lambda own: shown.append(own.status))
        socket.app_state.background()
        socket.app_state.foreground()
        sync.set_status("busy")
        socket.app_state.background()
        assert shown == ["away", "online", "busy"]

    @pytest.mark.parametrize(("status", "text"), [("offline", None), ("asleep", None), ("online", "x" * 141)])
    async def test_nonsense_is_refused_at_once(self, socket, sync, status, text):
        with pytest.raises(LocalProtocolError):
            sync.set_status(status, text)
        assert socket.said() == []


class TestOthers:
    async def test_followed_users_are_asked_for_once_and_then_told_of(self, socket, sync):
        told = []
        sync.on("status", told.append)
        sync.subscribe(["ben", "cem", "ben"])
        assert socket.said("presence:subscribe") == [{"userIds": ["ben", "cem"]}]
        users = [{"userId": "ben", "status": "online"}, {"userId": "cem", "status": "offline", "lastSeen": 7}]
        socket.answer("presence:subscribe", users=users)
        assert sync.users.snapshot == {"ben": UserStatus("ben", "online"), "cem": UserStatus("cem", "offline", None, 7)}
        socket.dispatch("presence:status", {"userId": "ben", "status": "busy", "text": "x"}, "e.1")
        socket.dispatch("presence:status", {"userId": "ben", "status": "busy", "text": "x"}, "e.2")
        socket.dispatch("presence:status", {"userId": "dora", "status": "busy"}, "e.3")
        socket.dispatch("presence:status", {"status": "busy"})
        assert [(status.user_id, status.status) for status in told] == [
            ("ben", "online"),
            ("cem", "offline"),
            ("ben", "busy"),
        ]
        sync.subscribe(["ben"])
        assert socket.said() == []

    @pytest.mark.clause("RT-PRES-11")
    async def test_subscriptions_are_made_again_at_every_connection(self, socket, sync):
        sync.subscribe(f"u{n:03}" for n in range(501))
        first, second = socket.said("presence:subscribe")
        assert (len(first["userIds"]), second["userIds"]) == (500, ["u500"])
        socket.disconnect()
        sync.unsubscribe(["u500"])
        sync.subscribe(["ben"])
        socket.connect()
        asked = [user_id for payload in socket.said("presence:subscribe") for user_id in payload["userIds"]]
        assert asked == [f"u{n:03}" for n in range(500)] + ["ben"]

    async def test_who_is_followed_no_more_is_forgotten(self, socket, sync):
        sync.subscribe(["ben", "cem"])
        socket.answer("presence:subscribe", users=[{"userId": "ben", "status": "online"}])
        socket.said()
        sync.unsubscribe(["ben", "nobody"])
        assert socket.said("presence:unsubscribe") == [{"userIds": ["ben"]}]
        assert sync.users.snapshot == {}
        assert sync.subscriptions == ("cem",)
        socket.dispatch("presence:status", {"userId": "ben", "status": "busy"})
        assert sync.users.snapshot == {}

    async def test_what_a_new_server_has_forgotten_is_remembered(self, socket, sync):
        told = []
        sync.on("status", lambda status: told.append((status.status, status.last_seen)))
        sync.subscribe(["ben"])
        for user in ({"status": "offline", "lastSeen": 7}, {"status": "offline"}, {"status": "busy"}):
            socket.answer("presence:subscribe", users=[{"userId": "ben", **user}])
            socket.disconnect()
            socket.connect()
        socket.answer("presence:subscribe", users=[{"userId": "ben", "status": "offline"}])
        assert told == [("offline", 7), ("busy", None), ("offline", None)]

    def test_who_a_new_server_does_not_know_yet_may_be_on_the_way_back(self):
        async def script(world):
            socket = FakeSocket()
            sync = OnlineStatusSync(socket, restart_grace_s=15.0)
            told = []
            sync.on("status", lambda user: told.append((world.now_s, user.user_id, user.status)))
            sync.subscribe(["ben", "cem", "dora"])
            users = [{"userId": name, "status": "online"} for name in ("ben", "cem", "dora")]
            socket.answer("presence:subscribe", users=users, epoch="one")
            socket.disconnect()
            await world.until(100)
            socket.connect()
            told.clear()
            nobody = [{"userId": name, "status": "offline"} for name in ("ben", "cem", "dora")]
            socket.answer("presence:subscribe", users=nobody, epoch="two")
            await world.until(101)
            socket.dispatch("presence:status", {"userId": "ben", "status": "online"})
            socket.dispatch("presence:status", {"userId": "cem", "status": "offline", "lastSeen": 7})
            await world.until(200)
            return told, {user_id: user.status for user_id, user in sync.users.snapshot.items()}

        told, users = simulate(script).result
        assert told == [(101.0, "cem", "offline"), (115.0, "dora", "offline")]
        assert users == {"ben": "online", "cem": "offline", "dora": "offline"}

    def test_each_restart_of_the_server_has_a_grace_of_its_own(self):
        async def script(world):
            socket = FakeSocket()
            sync = OnlineStatusSync(socket, restart_grace_s=15.0)
            told = []
            sync.subscribe(["ben"])
            socket.answer("presence:subscribe", users=[{"userId": "ben", "status": "online"}], epoch="one")
            sync.on("status", lambda user: told.append((world.now_s, user.status)))
            for at_s in (100, 110):
                await world.until(at_s)
                socket.disconnect()
                socket.connect()
                user = {"userId": "ben", "status": "offline"}
                socket.answer("presence:subscribe", users=[user], epoch=f"life of {at_s}")
                if at_s == 100:
                    socket.dispatch("presence:status", {"userId": "ben", "status": "online"})
            await world.until(200)
            return told

        assert simulate(script).result == [(125.0, "offline")]

    async def test_of_the_same_server_it_is_the_truth(self, socket, sync):
        for status in ("online", "offline"):
            sync.subscribe(["ben"])
            socket.answer("presence:subscribe", users=[{"userId": "ben", "status": status}], epoch="one")
            assert sync.users.snapshot["ben"].status == status
            socket.disconnect()
            socket.connect()

    async def test_as_a_frame(self, socket, sync):
        assert [str(each) for each in sync.to_frame().dtypes] == ["object", "category", "object", "datetime64[ms, UTC]"]
        sync.subscribe(["ben", "cem", "dora"])
        users = [
            {"userId": "cem", "status": "offline", "lastSeen": 7},
            {"userId": "ben", "status": "busy", "text": "x"},
        ]
        socket.answer("presence:subscribe", users=users)
        frame = sync.to_frame()
        assert list(frame["user_id"]) == ["ben", "cem"], "in the order in which they were followed, as far as known"
        assert list(frame["status"]) == ["busy", "offline"]
        assert list(frame["text"]) == ["x", None]
        assert frame["last_seen"].isna().tolist() == [True, False]
        assert frame["last_seen"][1].isoformat() == "1970-01-01T00:00:00.007000+00:00"
        assert [str(each) for each in frame.dtypes] == ["object", "category", "object", "datetime64[ms, UTC]"]

    async def test_closed_it_hears_nothing(self, socket, sync):
        sync.subscribe(["ben"])
        sync.close()
        socket.dispatch("presence:status", {"userId": "ben", "status": "busy"})
        assert sync.users.snapshot == {}
        assert repr(sync) == "<OnlineStatusSync online following=1>"
