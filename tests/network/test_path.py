"""Packets under way over a row of links."""

import random

from realtime.network.link import MS, Link, LinkConditions
from realtime.network.path import Path


def link(**conditions):
    return Link(LinkConditions(**conditions), random.Random(1))


def drain(path, until_ns=10**12):
    seen = []
    while (at := path.next_timer()) is not None and at <= until_ns:
        seen += [(at, packet) for packet in path.arrivals(at)]
    return seen


def test_a_packet_crosses_every_link_in_turn():
    path = Path([link(delay_ns=10), link(), link(delay_ns=5)])
    path.send(100, 40, "a")
    assert path.next_timer() == 110
    assert drain(path) == [(115, "a")]
    assert path.next_timer() is None


def test_without_links_a_packet_arrives_at_once():
    path = Path([])
    path.send(7, 40, "a")
    path.send(7, 40, "b")
    assert drain(path) == [(7, "a"), (7, "b")]


def test_nothing_arrives_before_its_time():
    path = Path([link(delay_ns=10)])
    path.send(0, 40, "a")
    assert path.arrivals(9) == []
    assert path.arrivals(10) == ["a"]


def test_a_shared_link_serves_whoever_reaches_it_first():
    """The far phone sent first, but its packet reaches the shared bottleneck later."""
    shared = link(rate_bps=8000)
    far, near = Path([link(delay_ns=50 * MS), shared]), Path([link(delay_ns=1 * MS), shared])
    far.send(0, 10, "far")
    near.send(1 * MS, 10, "near")
    assert drain(near) == [(12 * MS, "near")]
    assert drain(far) == [(60 * MS, "far")]


def test_a_link_that_is_down_at_arrival_has_swallowed_the_packet():
    radio = link(delay_ns=10)
    path = Path([radio])
    path.send(0, 40, "lost")
    path.send(5, 40, "late")
    radio.down = True
    assert path.arrivals(10) == []
    radio.down = False
    assert drain(path) == [(15, "late")]


def test_a_cut_path_swallows_everything_for_good():
    path = Path([link(delay_ns=10)])
    path.send(0, 40, "a")
    path.cut()
    path.send(1, 40, "b")
    assert path.next_timer() is None
    assert drain(path) == []
