"""From what a notification says to the place in the app."""

import functools
from urllib.parse import quote

import pytest

from realtime.notifications.deep_links import DeepLinks


@pytest.fixture
def went():
    return []


@pytest.fixture
def links(went):
    links = DeepLinks(fallback=lambda url: went.append(("fallback", url)))
    links.add("room/:roomId", lambda **found: went.append(("room", found["roomId"])))
    links.add("room/:roomId/message/:id", lambda **found: went.append(("message", found)))
    links.add("settings", lambda **found: went.append(("settings", found)))
    return links


@pytest.mark.clause("RT-NOTE-7")
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("room/lobby", ("room", "lobby")),
        ("/room/lobby/", ("room", "lobby")),
        ("lab://room/lobby", ("room", "lobby")),
        ("https://lab.example/room/a%2Fb%20c", ("room", "a/b c")),
        ("room/lobby/message/m1", ("message", {"roomId": "lobby", "id": "m1"})),
        ("settings?tab=push&x=", ("settings", {"tab": "push", "x": ""})),
        ("room/" + quote("c# / 50 % ?", safe=""), ("room", "c# / 50 % ?")),
    ],
)
def test_a_link_leads_to_its_place(links, went, url, place):
    assert links.open(url)
    assert went == [place]


@pytest.mark.clause("RT-NOTE-7")
@pytest.mark.parametrize("url", ["room", "room/", "nowhere/1", "room/a/b", "", "room/lobby/message/", "//[x"])
def test_what_leads_nowhere_goes_to_the_fallback(links, went, url):
    assert not links.open(url)
    assert went == [("fallback", url)]


def test_a_part_of_the_path_wins_over_a_parameter_of_its_name(links, went):
    links.open("room/lobby?roomId=attic")
    assert went == [("room", "lobby")]


def test_parameters_reach_those_who_take_them_and_trouble_nobody_else(links, went):
    class Screen:
        def show(self, id, *, tab="all"):
            went.append((id, tab))

        def __call__(self, id):
            went.append(id)

    links.add("by-name/:id", Screen().show)
    links.add("object/:id", Screen())
    links.add("partial/:id", functools.partial(Screen().show, tab="mine"))
    for url in ("by-name/1?tab=new&self=x", "object/2?utm=x", "partial/3?utm=x"):
        links.open(url)
    assert went == [("1", "new"), "2", ("3", "mine")]


def test_the_first_pattern_wins(links, went):
    links.add("room/special", lambda: went.append("never"))
    links.open("room/special")
    assert went == [("room", "special")]


def test_a_handler_that_fails_is_logged_and_nothing_else(links, caplog):
    links.add("broken", lambda: 1 / 0)
    assert links.open("broken")
    assert "broken" in caplog.text


def test_without_a_fallback_nothing_happens():
    assert not DeepLinks().open("nowhere")


@pytest.mark.parametrize("pattern", ["", "room/:", "room//x", "room/:a/:a", "room/:not-a-name"])
def test_a_mistake_is_named(pattern):
    with pytest.raises(ValueError, match="pattern"):
        DeepLinks().add(pattern, lambda: None)
