"""Notifications that come twice, or not at all."""

from realtime.sim.checkers import check
from realtime.sim.notice_checkers import not_notified, not_withdrawn, notified_twice
from tests.sim.stories import Story, texts


def test_each_once_on_every_device_is_as_it_should_be():
    story = Story()
    for device in ("phone", "tablet"):
        story.at(1).notified(device, ["m1"], "app")
        story.at(2).notified(device, ["m3", "m2", "m1"], "push")
    assert notified_twice(story) == []


def test_by_push_and_by_socket_is_twice():
    story = Story()
    story.at(1).notified("ben", ["m1"], "push")
    story.at(2).notified("ben", ["m1"], "app")
    [text] = texts(notified_twice(story))
    assert text == "ben showed the notification 'm1' by app at 2.000 s, after it had shown it by push at 1.000 s"


def test_so_is_what_another_one_stood_for():
    story = Story()
    story.at(1).notified("ben", ["m2", "m1"], "push")
    story.at(2).notified("ben", ["m1"], "app")
    assert len(notified_twice(story)) == 1


def test_who_lost_its_memory_may_show_it_again():
    story = Story()
    story.at(1).notified("ben", ["m1"], "push")
    story.at(2).forgot("ben")
    story.at(3).notified("ben", ["m1"], "app")
    assert notified_twice(story) == []


def test_what_is_owed_comes_by_push_in_time_or_was_there_before():
    story = Story()
    story.at(1).owed("ben", "m1", 5.0)
    story.at(5).notified("ben", ["m2", "m1"], "push")
    story.at(6).owed("ben", "m2", 5.0)
    story.at(60).reconnect("ana")
    assert not_notified(story) == []


def test_what_is_owed_and_comes_late_otherwise_or_never_is_lost():
    story = Story()
    for name in ("late", "never", "in the app"):
        story.at(1).owed("ben", name, 5.0)
    story.at(2).notified("ben", ["in the app"], "app")
    story.at(7).notified("ben", ["late"], "push")
    story.at(60).reconnect("ana")
    told = texts(not_notified(story))
    assert [text.rpartition(";")[2] for text in told] == [" it came at 7.000 s", " it never came", " it never came"]
    assert check(story).counts["lost"] == 3


def test_a_run_that_ends_before_it_could_come_is_not_judged():
    story = Story()
    story.at(1).owed("ben", "m1", 5.0)
    story.at(5).reconnect("ana")
    assert not_notified(story) == []


def test_what_was_shown_is_counted():
    story = Story()
    story.notified("ben", ["m1"], "app")
    story.shown("ana", "ben", True)
    story.shown("ana", "ben", False)
    counts = check(story).counts
    assert (counts["presence"], counts["crossings"], counts["notifications"]) == (2, 0, 1)


def test_what_is_over_leaves_the_screen_in_time():
    story = Story()
    for name in ("cleared", "late", "never"):
        story.at(1).notified("ben", [name], "push")
    story.at(2).notified("ben", ["in the app"], "app")
    for name in ("cleared", "late", "never", "in the app", "not there"):
        story.at(3).over("ben", name, 5.0)
    story.at(7).cleared("ben", "cleared")
    story.at(9).cleared("ben", "late")
    story.at(60).reconnect("ana")
    assert texts(not_withdrawn(story)) == [
        "ben showed 'late' on its lock screen until 9.000 s, which was seen to elsewhere at 3.000 s",
        "ben showed 'never' on its lock screen until 60.000 s, which was seen to elsewhere at 3.000 s",
    ]


def test_what_was_over_before_it_came_is_not_to_be_shown():
    story = Story()
    for name in ("in time", "late", "cleared late", "never shown"):
        story.at(1).over("ben", name, 5.0)
    story.at(2).notified("ben", ["in time"], "push")
    story.at(3).cleared("ben", "in time")
    story.at(7).notified("ben", ["late"], "push")
    story.at(8).notified("ben", ["cleared late"], "push")
    story.at(9).cleared("ben", "cleared late")
    story.at(10).cleared("ben", "never shown")
    assert texts(not_withdrawn(story)) == [
        "ben showed 'cleared late' on its lock screen until 9.000 s, which was seen to elsewhere at 1.000 s",
        "ben showed 'late' on its lock screen until 10.000 s, which was seen to elsewhere at 1.000 s",
    ]
