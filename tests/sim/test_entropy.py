"""Clock and entropy of third-party code, replaced for the simulation's own thread only."""

import contextlib
import datetime
import os
import random
import secrets
import threading
import time
import urllib.request
import uuid

from realtime.sim.entropy import EPOCH_S, replaced

NAMES = [(os, "urandom"), (random, "random"), (random, "_urandom"), (time, "time"), (time, "monotonic_ns")]


def draw():
    return [
        os.urandom(4),
        secrets.token_bytes(4),
        secrets.token_hex(4),
        uuid.uuid4(),
        random.random(),
        random.getrandbits(32),
        random.choice(range(10**9)),
    ]


def test_the_same_seed_gives_the_same_entropy():
    with replaced(seed=b"1", now_ns=lambda: 0):
        first = draw()
    with replaced(seed=b"1", now_ns=lambda: 0):
        assert draw() == first
    with replaced(seed=b"2", now_ns=lambda: 0):
        other = draw()
    assert not any(a == b for a, b in zip(first, other, strict=True))


def test_the_clocks_are_the_simulations():
    with replaced(seed=b"1", now_ns=lambda: 1_500_000_001):
        assert time.time() == EPOCH_S + 1.500000001
        assert time.time_ns() == EPOCH_S * 10**9 + 1_500_000_001
        assert time.monotonic() == time.perf_counter() == 1.500000001
        assert time.monotonic_ns() == time.perf_counter_ns() == 1_500_000_001


def test_proxies_of_the_machine_are_not_seen(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    with replaced(seed=b"1", now_ns=lambda: 0):
        assert urllib.request.getproxies() == {}
    assert urllib.request.getproxies()["http"] == "http://proxy:3128"


def test_another_thread_sees_the_real_world():
    seen = []

    def look():
        seen.append((time.time(), os.urandom(8), random.random()))

    with replaced(seed=b"1", now_ns=lambda: 0):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        inside = (time.time(), os.urandom(8), random.random())
    now, entropy, number = seen[0]
    assert abs(now - datetime.datetime.now().timestamp()) < 60
    assert entropy != inside[1]
    assert number != inside[2]


def test_afterwards_everything_is_as_before():
    before = [getattr(module, name) for module, name in NAMES]
    with replaced(seed=b"1", now_ns=lambda: 0):
        assert all(getattr(m, n) is not old for (m, n), old in zip(NAMES, before, strict=True))
    assert [getattr(module, name) for module, name in NAMES] == before


def test_it_nests_and_an_error_restores_the_outer_one():
    with replaced(seed=b"1", now_ns=lambda: 1):
        with contextlib.suppress(ZeroDivisionError), replaced(seed=b"2", now_ns=lambda: 2):
            assert time.monotonic_ns() == 2
            raise ZeroDivisionError
        assert time.monotonic_ns() == 1


def test_overlapping_runs_in_two_threads_keep_apart():
    barrier = threading.Barrier(2)
    results = {}
    before = [getattr(module, name) for module, name in NAMES]

    def run(key):
        with replaced(seed=key, now_ns=lambda: len(results)):
            barrier.wait()
            first = draw()
            barrier.wait()
        results[key] = first

    threads = [threading.Thread(target=run, args=(key,)) for key in (b"1", b"2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with replaced(seed=b"1", now_ns=lambda: 0):
        assert draw() == results[b"1"]
    with replaced(seed=b"2", now_ns=lambda: 0):
        assert draw() == results[b"2"]
    assert [getattr(module, name) for module, name in NAMES] == before
