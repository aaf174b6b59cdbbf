"""Who is shown as online though gone, and where somebody was: presence and positions, judged against the truth."""

import pytest

from realtime.sim.awareness import detection_latencies, late_detection, late_typing, position_latencies, stale
from realtime.sim.checkers import check
from tests.sim.stories import Story, texts

BOUNDS = {"offline_within_s": 45.0, "online_within_s": 10.0}


def watched(*names):
    """Ana shows ben as online, rightly; both can be reached."""
    story = Story("ana", "ben", *names)
    for name in ("ana", "ben", *names):
        story.reachable(name, True)
    story.at(1).shown("ana", "ben", True)
    return story


def until(story, now_s):
    story.at(now_s).reconnect("somebody")
    return story


def test_one_who_is_shown_as_gone_in_time_is_well_detected():
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(145).shown("ana", "ben", False)
    story.at(200).reachable("ben", True)
    story.at(210).shown("ana", "ben", True)
    assert late_detection(until(story, 400), **BOUNDS) == []
    assert detection_latencies(story) == {"offline": [45], "online": [10]}


def test_a_ghost_is_late_detection():
    story = watched()
    story.at(100).reachable("ben", False)
    assert late_detection(until(story, 144), **BOUNDS) == []
    [violation] = late_detection(until(story, 200), **BOUNDS)
    assert violation.text == "ana still shows ben as online at 145.000 s; ben cannot be reached since 100.000 s"
    assert (violation.kind, violation.t_s) == ("late detection", 145)


def test_one_who_came_back_and_is_not_shown_is_late_detection():
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(120).shown("ana", "ben", False)
    story.at(300).reachable("ben", True)
    assert texts(late_detection(until(story, 400), **BOUNDS)) == [
        "ana still shows ben as offline at 310.000 s; ben can be reached since 300.000 s"
    ]


def test_a_flicker_after_the_bound_is_late_detection():
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(120).shown("ana", "ben", False)
    story.at(200).shown("ana", "ben", True)
    story.at(201).shown("ana", "ben", False)
    assert [violation.t_s for violation in late_detection(until(story, 400), **BOUNDS)] == [200]


def test_one_who_is_shown_just_before_the_truth_was_looked_at_is_well_detected():
    """The truth is noted when it is looked at, up to a second after it came true; who is told at once is first."""
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(120).shown("ana", "ben", False)
    story.at(299.4).shown("ana", "ben", True)
    story.at(300).reachable("ben", True)
    assert late_detection(until(story, 400), **BOUNDS, looked_every_s=1.0) == []
    assert [violation.t_s for violation in late_detection(story, **BOUNDS)] == [299.4]
    assert [violation.t_s for violation in late_detection(story, **BOUNDS, looked_every_s=0.5)] == [299.9]


def test_one_who_lost_a_connection_and_came_back_in_time_was_offline_meanwhile():
    """A reset, or another address, ends connections though packets pass: being offline is bounded, not forbidden."""
    story = watched()
    story.at(100).shown("ana", "ben", False)
    story.at(110).shown("ana", "ben", True)
    assert late_detection(until(story, 200), **BOUNDS) == []
    story.at(300).shown("ana", "ben", False)
    assert [violation.t_s for violation in late_detection(until(story, 400), **BOUNDS)] == [310]


def test_it_is_told_once_however_long_it_lasts():
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(200).shown("ana", "ben", True)
    story.at(300).shown("ana", "ben", True)
    assert len(late_detection(until(story, 400), **BOUNDS)) == 1


def test_an_observer_without_a_network_knows_nothing():
    story = watched()
    story.at(100).reachable("ana", False)
    story.at(110).reachable("ben", False)
    story.at(300).reachable("ana", True)
    assert late_detection(until(story, 344), **BOUNDS) == []
    assert [violation.t_s for violation in late_detection(until(story, 346), **BOUNDS)] == [345]


def test_a_killed_observer_shows_nothing_and_a_killed_subject_is_gone():
    story = watched()
    story.at(100).killed("ana")
    story.at(110).killed("ben")
    assert late_detection(until(story, 400), **BOUNDS) == []
    story = watched()
    story.at(100).killed("ben")
    assert [violation.t_s for violation in late_detection(until(story, 400), **BOUNDS)] == [145]


def test_a_bound_that_is_not_given_is_not_judged():
    story = watched()
    story.at(100).reachable("ben", False)
    until(story, 1000)
    assert late_detection(story, offline_within_s=None, online_within_s=1) == []
    assert late_detection(story, offline_within_s=1, online_within_s=None) != []


# -- the final presence


def test_a_ghost_in_the_end_is_stale():
    story = watched()
    story.at(100).reachable("ben", False)
    assert texts(stale(until(story, 400))) == [
        "in the end ana shows ben as online, and ben cannot be reached since 100.000 s"
    ]


def test_one_who_is_missing_in_the_end_is_stale():
    story = watched()
    assert stale(until(story, 200)) == []
    story.at(300).shown("ana", "ben", False)
    assert texts(stale(until(story, 400))) == [
        "in the end ana shows ben as offline, and ben can be reached since 0.000 s"
    ]


def test_who_shows_others_but_never_a_member_that_is_shown_elsewhere_is_stale():
    story = watched("cleo")
    story.shown("ben", "cleo", True)
    story.shown("ben", "ana", True)
    assert texts(stale(until(story, 400))) == [
        "in the end ana shows cleo as offline, and cleo can be reached since 0.000 s"
    ]


def test_the_dead_and_the_unreachable_do_not_show_the_end():
    for end in (lambda s: s.killed("ana"), lambda s: s.reachable("ana", False)):
        story = watched()
        story.at(100).reachable("ben", False)
        end(story)
        assert stale(until(story, 400)) == []


def test_a_restarted_observer_has_to_show_it_anew():
    story = watched()
    story.at(100).killed("ana")
    story.at(110).member("ana", "lobby")
    story.reachable("ana", True)
    story.shown("ana", "ben", False)
    assert len(stale(until(story, 400))) == 1
    story.shown("ana", "ben", True)
    assert stale(story) == []


# -- the final position


def test_the_newest_acked_position_is_shown_in_the_end():
    story = Story("ana", "ben")
    story.at(1).position_shown("ben", "ana", 1_000)
    story.at(2).position_acked("ana", 1_000)
    story.at(7).position_acked("ana", 6_000)
    assert texts(stale(story)) == ["in the end ben shows ana where it was 5.000 s before its newest acked position"]
    story.at(9).position_shown("ben", "ana", 6_000)
    assert stale(story) == []
    assert position_latencies(story) == [0, 2]


def test_an_old_fix_that_is_shown_last_is_stale():
    story = Story("ana", "ben")
    story.position_acked("ana", 6_000)
    story.position_shown("ben", "ana", 6_000)
    story.position_shown("ben", "ana", 1_000)
    assert [text.split(" ")[0] for text in texts(stale(story))] == ["ben", "in"], "one that went back, and the last one"


def test_a_newer_position_than_the_acked_one_is_fine():
    story = Story("ana", "ben")
    story.position_acked("ana", 1_000)
    story.position_shown("ben", "ana", 6_000)
    assert stale(story) == []


@pytest.mark.parametrize("who", ["ana", "ben"])
def test_the_dead_are_nowhere(who):
    story = Story("ana", "ben")
    story.position_shown("ben", "ana", 500)
    story.position_acked("ana", 1_000)
    story.killed(who)
    assert stale(story) == []


def test_who_joined_after_the_newest_position_may_not_know_it():
    story = Story("ana", "ben")
    story.position_shown("ben", "ana", 500)
    story.position_acked("ana", 1_000)
    story.killed("ben")
    story.member("ben", "lobby")
    assert stale(story) == []
    story.position_acked("ana", 2_000)
    assert len(stale(story)) == 1, "it was shown positions before: it shares their room"


# -- in the report


def test_the_report_has_them_with_their_latencies():
    story = watched()
    story.at(100).reachable("ben", False)
    story.at(160).shown("ana", "ben", False)
    story.position_shown("ana", "ben", 500)
    story.position_acked("ben", 1_000)
    report = check(story, may_be_vacuous=True, **BOUNDS)
    assert [violation.kind for violation in report.violations] == ["late detection", "stale"]
    assert report.latencies["offline"].max_s == 60
    assert report.latencies["position"].count == 0


def test_a_position_does_not_go_back_in_the_life_of_an_observer():
    story = Story("ana", "ben")
    for at_s, fix_ms in ((1, 1000), (2, 3000), (3, 2000), (4, 4000)):
        story.at(at_s).position_shown("ben", "ana", fix_ms)
    assert texts(stale(story)) == [
        "ben showed ana at 3.000 s where it was 1.000 s before the place that it showed before"
    ]


def test_one_that_begins_anew_may_show_an_older_position():
    story = Story("ana", "ben")
    story.at(1).position_shown("ben", "ana", 3000)
    story.at(2).killed("ben")
    story.at(3).position_shown("ben", "ana", 2000)
    assert stale(story) == []


# -- typing


def typing(*times_s, keys=(), end_s=100.0):
    """Ana shows ben as typing from the first time to the second, and so on."""
    story = Story()
    told = {at_s: n % 2 == 0 for n, at_s in enumerate(times_s)}
    for at_s in sorted({*told, *keys}):
        if at_s in keys:
            story.at(at_s).typed("ben", "lobby")
        if at_s in told:
            story.at(at_s).typing_shown("ana", "ben", "lobby", told[at_s])
    return until(story, end_s)


def test_typing_that_ends_soon_after_the_last_key_is_well_shown():
    story = typing(2, 23, keys=(1, 7, 14))
    assert late_typing(story, within_s=10) == []


def test_typing_without_a_key_ends():
    [violation] = late_typing(typing(2, 23, keys=(1, 7)), within_s=10)
    assert violation.text == (
        "ana showed ben as typing in lobby until 23.000 s, and nothing was typed or heard since 7.000 s"
    )
    assert violation.t_s == 17
    assert len(late_typing(typing(2, keys=(1,)), within_s=10)) == 1, "it has no end"
    assert late_typing(typing(50, 59, keys=(1,)), within_s=10) == [], "it came late, and ended by itself"


def test_who_is_dead_shows_nobody_typing():
    story = Story()
    story.at(1).typing_shown("ana", "ben", "lobby", True)
    story.at(2).killed("ana")
    assert late_typing(until(story, 100), within_s=10) == []


def test_who_is_on_the_map_no_more_is_not_shown_at_an_old_place():
    story = Story("ana")
    story.at(1).position_shown("ana", "ben", 1000)
    story.at(2).position_acked("ben", 5000)
    assert len(stale(story)) == 1
    story.at(3).position_gone("ana", "ben")
    assert stale(story) == []


def test_who_shares_a_position_no_more_need_not_be_shown_anywhere():
    """The app of the observer was restarted, and shows the subject nowhere: what it showed before says nothing."""
    story = Story("ana")
    story.at(1).position_shown("ana", "ben", 1000)
    story.at(2).killed("ana")
    story.at(2).member("ana", "lobby")
    story.at(3).position_acked("ben", 5000)
    assert len(stale(story)) == 1
    story.at(4).position_ended("ben", 5500)
    story.at(5).position_acked("ben", 5200)
    assert stale(story) == [], "it was told before the end, and answered after it"
    story.at(9).position_acked("ben", 9000)
    assert len(stale(story)) == 1
