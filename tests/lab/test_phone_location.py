"""Live location from any thread and cell, over the real tracker."""

import pytest

from realtime.lab.phone_location import named_source
from realtime.location.sources import GpxSource, SimulatedWalk
from realtime.utils.share import share_path


def test_a_position_reaches_the_others(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.location.start("lobby", source="walk")
    assert ana.location.tracking
    lab.wait_until(lambda: "ana" in ben.location.state.snapshot.fixes)
    fix = ben.location.state.snapshot.fixes["ana"]
    assert (fix.latitude, fix.longitude) == pytest.approx((59.91, 10.75), abs=0.05)
    ana.location.stop()
    assert not ana.location.tracking
    lab.wait_until(lambda: "ana" not in ben.location.state.snapshot.fixes)


def test_updates_can_be_heard(lab):
    ana = lab.phone("ana")
    heard = []
    handler = ana.location.on("update", lambda user_id, fix: heard.append(user_id))
    ana.location.start(source="tram")
    lab.wait_until(lambda: heard)
    ana.location.off("update", handler)
    assert repr(ana.location) == "<PhoneLocation 'ana' tracking room=lobby>"


def test_sources_by_name_path_or_as_they_are(tmp_path):
    assert isinstance(named_source("walk"), SimulatedWalk)
    tram = named_source("tram")
    assert isinstance(tram, GpxSource)
    path = share_path("data") / "tracks" / "tram.gpx"
    assert named_source(path).track.points == named_source(str(path)).track.points == tram.track.points
    assert named_source(tram) is tram


def test_an_unknown_source_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no source 'submarine'.*tram, walk.*\.gpx"):
        named_source("submarine")
    with pytest.raises(TypeError, match="LocationSource"):
        named_source(3)


def test_a_shared_position_may_be_rounded_and_its_trail_is_a_table(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.location.start("lobby", source="walk", share_for_s=600, precision_m=1000)
    lab.wait_until(lambda: "ana" in ben.location.state.snapshot.fixes)
    table = ben.location.to_frame("lobby")
    assert list(table.user.unique()) == ["ana"]
    assert table.accuracy_m.min() > 700
    with pytest.raises(ValueError, match="precision_m"):
        ana.location.start("lobby", source="walk", precision_m=0)
