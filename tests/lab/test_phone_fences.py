"""Geofences from any thread and cell: crossings are heard here, and the room is told for certain."""

import pytest

from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.utils.ambient import wall_time_ms

HOME = Circle("home", (60.0, 10.0), radius_m=100)


class Steps:
    """Fixes at once, one every ten seconds of the device's clock, so many metres north of home."""

    def __init__(self, *norths_m):
        began_ms = wall_time_ms()
        self._fixes = iter(
            Fix(
                latitude=60 + north_m / 111_195,
                longitude=10.0,
                accuracy_m=5.0,
                timestamp_ms=began_ms + 10_000 * number,
            )
            for number, north_m in enumerate(norths_m)
        )

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return next(self._fixes)
        except StopIteration:
            raise StopAsyncIteration from None


def test_crossings_are_heard_and_the_room_is_told(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    told, heard = [], []
    ben.socket.on("geofence:event", lambda event: told.append((event["userId"], event["transition"])))
    home = ana.location.watch(HOME)
    home.on("enter", lambda crossing: heard.append(crossing.fence_id))
    ana.location.start(source=Steps(-300, 0))
    lab.wait_until(lambda: home.inside.snapshot == ("home",))
    lab.wait_until(lambda: told == [("ana", "enter")])
    assert heard == ["home"]
    assert repr(home) == "<PhoneFences fences=1 inside=['home']>"


def test_a_fence_crossed_without_a_network_is_told_of_once_when_there_is_one(lab):
    ana, ben = lab.phone("ana", profile="3g"), lab.phone("ben")
    told = []
    ben.socket.on("geofence:event", lambda event: told.append((event["fenceId"], event["transition"])))
    heard = []
    home = ana.location.watch([HOME])
    for event in ("enter", "exit"):
        home.on(event, lambda crossing: heard.append(crossing.fence_id))
    ana.network.offline()
    ana.location.start(source=Steps(-300, 0, 300))
    lab.wait_until(lambda: heard == ["home", "home"])
    assert told == []
    ana.network.online()
    lab.wait_until(lambda: told == [("home", "enter"), ("home", "exit")])
    assert home.inside.snapshot == ()
    assert list(lab.session().query("event in ('enter', 'exit')").detail) == ["home", "home"]


def test_without_a_room_nobody_else_is_told_and_fences_come_and_go(lab):
    ana = lab.phone("ana")
    mine = ana.location.watch(room_id=None)
    mine.add(HOME)
    with pytest.raises(ValueError, match="home"):
        mine.add(HOME)
    assert mine.fences == (HOME,)
    mine.remove("home")
    assert mine.fences == ()
    mine.add(HOME)
    heard = []
    handler = mine.on("enter", heard.append)
    mine.off("enter", handler)
    mine.close()
    mine.close()
    ana.location.start(source=Steps(0))
    lab.wait_until(lambda: "ana" in ana.location.state.snapshot.fixes)
    assert (heard, mine.inside.snapshot) == ([], ())
