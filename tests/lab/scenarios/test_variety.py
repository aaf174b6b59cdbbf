"""What differs between runs of chaos beside the faults."""

import random

from realtime.connection.app_state import BackgroundPolicy
from realtime.lab.scenarios.variety import Variety

DEVICES = ("ana-phone", "ben")


def drawn(seed):
    return Variety.drawn(random.Random(seed), DEVICES)


def test_some_servers_carry_their_log_over_to_the_database_often():
    """In 2 minutes there are some 300 commits of 6 pages: otherwise no crash would ever come amid a checkpoint."""
    drawn = {Variety.drawn(random.Random(seed), []).checkpoint_pages for seed in range(20)}
    assert min(drawn) < 50
    assert max(drawn) <= 200


def test_the_same_state_draws_the_same():
    assert drawn(7) == drawn(7)


def test_every_device_has_a_policy_and_all_are_drawn():
    policies = set()
    for seed in range(40):
        assert tuple(drawn(seed).policies) == DEVICES
        policies |= set(drawn(seed).policies.values())
    assert {BackgroundPolicy.DISCONNECT, BackgroundPolicy.KEEP} < policies
    assert any(0 < policy.keep_s < 60 for policy in policies), "and some keep the connection for a while"


def test_some_runs_forget_old_messages_some_write_long_ones_and_most_do_neither():
    """A quarter each: of 200 runs 50, with a deviation of 6."""
    runs = [drawn(seed) for seed in range(200)]
    forgetful = [run for run in runs if run.messages_per_room is not None]
    wordy = [run for run in runs if run.longest_text > 1000]
    assert 30 < len(forgetful) < 70
    assert 30 < len(wordy) < 70
    assert sum(run not in forgetful and run not in wordy for run in runs) > 70
    assert all(run.max_backlog < 1024 * 1024 for run in wordy), "one that does not keep up is let go"


def test_texts_are_as_long_as_they_may_be_and_begin_with_what_they_are():
    rng = random.Random(0)
    wordy = next(run for run in map(drawn, range(100)) if run.longest_text > 1000)
    lengths = [len(wordy.text(rng, "ana 7")) for _ in range(200)]
    assert min(lengths) < 20
    assert 4000 < max(lengths) <= wordy.longest_text <= 8000
    assert wordy.text(rng, "ana 7").startswith("ana 7")
    brief = next(run for run in map(drawn, range(100)) if run.longest_text < 1000)
    assert brief.text(rng, "ana 7") == "ana 7"


def test_it_says_how_to_make_the_server():
    plain, forgetful = (
        next(run for run in map(drawn, range(100)) if (run.messages_per_room is None) is is_plain)
        for is_plain in (True, False)
    )
    assert plain.server_options()["engine_options"] == {"checkpoint_pages": plain.checkpoint_pages}
    kept = {"messages_per_room": forgetful.messages_per_room, "checkpoint_pages": forgetful.checkpoint_pages}
    assert forgetful.server_options()["engine_options"] == kept
