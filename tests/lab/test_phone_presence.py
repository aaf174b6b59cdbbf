"""Presence from any thread and cell, over the real tracker and the real status."""

import threading

import pytest

import realtime.lab
from realtime.protocol.errors import LocalProtocolError

QUICK = {"presence_grace_s": 0.3, "presence_batch_s": 0}


@pytest.fixture
def lab():
    """A lab that is quick to tell who has gone."""
    with realtime.lab.start(seed=7, **QUICK) as lab:
        yield lab


@pytest.fixture
def quick_lab():
    """One that is quick to find it out, too."""
    with realtime.lab.start(seed=7, ping_interval_s=0.5, ping_timeout_s=2.5, **QUICK) as lab:
        yield lab


def users(phone, room_id="lobby"):
    return phone.presence.room(room_id).snapshot.users


def status(phone, user_id):
    known = phone.presence.users.snapshot.get(user_id)
    return None if known is None else known.status


def test_who_is_in_a_room_is_seen_by_all_with_their_devices(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    tablet = lab.phone("ana's tablet", user_id="ana")
    for phone in (ana, ben, tablet):
        lab.wait_until(lambda phone=phone: len(phone.presence.room("lobby").snapshot.members) == 3)
    assert users(ben) == ("ana", "ben")
    devices = {(each.user_id, each.device_id) for each in ben.presence.room("lobby").snapshot.members}
    assert devices == {("ana", "ana"), ("ana", "ana's tablet"), ("ben", "ben")}
    assert set(ben.presence.to_frame("lobby").device_id) == {"ana", "ben", "ana's tablet"}
    assert repr(ana.presence) == "<PhonePresence online rooms=lobby>"


def test_the_room_is_observed_on_the_labs_thread(lab):
    ana = lab.phone("ana")
    seen = []
    end = ana.presence.room("lobby").observe(lambda room: seen.append((threading.current_thread().name, room.users)))
    lab.phone("ben")
    lab.wait_until(lambda: seen and seen[-1] == ("realtime-lab", ("ana", "ben")))
    end()


def test_a_status_and_its_words_are_seen_and_words_stay_until_taken_away(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ben.presence.subscribe(["ana"])
    assert ben.presence.subscriptions == ("ana",)
    ana.presence.set_status("busy", "in a meeting")
    lab.wait_until(lambda: status(ben, "ana") == "busy")
    assert ben.presence.users.snapshot["ana"].text == "in a meeting"
    ana.presence.set_status("online")
    lab.wait_until(lambda: status(ben, "ana") == "online")
    assert ben.presence.users.snapshot["ana"].text == "in a meeting"
    ana.presence.set_status("online", None)
    lab.wait_until(lambda: ben.presence.users.snapshot["ana"].text is None)
    assert ana.presence.own.snapshot.status == "online"
    ben.presence.unsubscribe(["ana"])
    assert status(ben, "ana") is None
    with pytest.raises(LocalProtocolError, match="busy"):
        ana.presence.set_status("napping")


def test_meta_goes_with_the_member(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.presence.set_meta({"avatar": "whale"})
    lab.wait_until(lambda: {"avatar": "whale"} in list(ben.presence.to_frame("lobby")["meta"]))
    with pytest.raises(LocalProtocolError, match="meta"):
        ana.presence.set_meta({"avatar": "x" * 1024})


def test_joining_and_leaving_a_room_in_the_chat_is_seen(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.chat.join("tram")
    ben.chat.join("tram")
    lab.wait_until(lambda: users(ana, "tram") == ("ana", "ben"))
    ana.chat.leave("tram")
    lab.wait_until(lambda: users(ben, "tram") == ("ben",))
    assert users(ana, "tram") == ()


def test_comings_and_goings_are_heard(lab):
    ana = lab.phone("ana")
    heard = []
    handlers = {
        event: ana.presence.on(event, lambda room_id, member, event=event: heard.append((event, member.user_id)))
        for event in ("join", "leave")
    }
    ana.presence.subscribe(["ben"])
    ana.presence.on("status", lambda user: heard.append((user.status, user.user_id)))
    ben = lab.phone("ben")
    lab.wait_until(lambda: ("join", "ben") in heard and ("online", "ben") in heard)
    ben.disconnect()
    lab.wait_until(lambda: ("leave", "ben") in heard and ("offline", "ben") in heard)
    assert ana.presence.users.snapshot["ben"].last_seen > 0
    ana.presence.off("join", handlers["join"])
    ben.connect()
    lab.wait_until(lambda: heard[-1] == ("online", "ben"))
    assert heard.count(("join", "ben")) == 1


def test_who_is_lost_in_a_tunnel_leaves_after_the_grace_and_returns_with_the_network(quick_lab):
    lab = quick_lab
    ana, ben = lab.phone("ana", profile="3g"), lab.phone("ben", profile="lte")
    lab.wait_until(lambda: users(ana) == users(ben) == ("ana", "ben"))
    ben.network.offline()  # the server hears nothing of it, and gives it up when its ping is not answered
    lab.wait_until(lambda: users(ana) == ("ana",))
    assert users(ben) == ("ana", "ben"), "what it knew last"
    ben.presence.set_status("busy")
    assert (ben.presence.own.snapshot.status, ben.presence.chosen) == ("offline", "busy")
    assert not ben.presence.room("lobby").snapshot.synced
    ben.network.online()
    lab.wait_until(lambda: users(ana) == ("ana", "ben"))
    lab.wait_until(lambda: ben.presence.room("lobby").snapshot.synced)


def test_the_background_is_away_and_then_gone_and_the_foreground_is_back(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.presence.subscribe(["ben"])
    lab.wait_until(lambda: status(ana, "ben") == "online")
    heard = []
    ana.presence.on("status", lambda user: heard.append(user.status))
    ben.presence.set_status("online", "on the tram")
    ben.background()
    lab.wait_until(lambda: status(ana, "ben") == "offline")
    lab.wait_until(lambda: users(ana) == ("ana",))
    ben.foreground()
    lab.wait_until(lambda: status(ana, "ben") == "online")
    lab.wait_until(lambda: users(ana) == ("ana", "ben"))
    assert [each for each in heard if each != "online"] == ["away", "offline"]
    assert heard[-1] == "online"
    assert ana.presence.users.snapshot["ben"].text == "on the tram"


def test_what_was_seen_is_recorded(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ben.presence.set_status("busy")
    lab.wait_until(lambda: "busy" in set(lab.presence().query("phone == 'ana'").status))
    ben.disconnect()
    lab.wait_until(lambda: (lab.presence().event == "leave").any())
    table = lab.presence().query("phone == 'ana' and user == 'ben'")
    assert list(table.event) == ["join", "change", "leave"]
    assert set(table.device) == {"ben"}
    assert ana.connected
