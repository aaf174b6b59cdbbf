"""What chats go through, asked of the simulated world."""

import random

import msgspec
import pytest

from realtime.lab.chat_experiments import absence, lives, write_log
from realtime.server.engine.memory import MemoryEngine
from realtime.server.receipt_events import TELL_AFTER_S


def test_the_life_of_a_message_on_wifi():
    """Both have 20 ms one-way and 0.2 % loss: the ack and ben's screen take 40 ms; his receipt 40 more, and the time in
    which the server waits for the others'. He reads two seconds after he was shown it. All later than the receipt
    before, by its interval at least."""
    found = lives("wifi", seed=1, messages=10, every_s=10, reads_after_s=2)
    assert len(found) == 10
    assert min(life.sent_s for life in found) == pytest.approx(0.040, abs=0.002)
    assert min(life.shown_s for life in found) == pytest.approx(0.040, abs=0.002)
    assert min(life.delivered_s for life in found) == pytest.approx(0.080 + TELL_AFTER_S, abs=0.004)
    assert min(life.read_s - life.shown_s for life in found) < 2.1
    for life in found:
        assert life.sent_s <= life.delivered_s <= life.read_s
        assert life.shown_s < life.delivered_s


def test_one_seed_gives_one_list_of_lives():
    first, again, other = (lives("lift", seed=seed, messages=5) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.clause("RT-CHAT-16")
def test_after_an_absence_all_is_told_and_the_end_shows_first():
    """1000 entries are 5 pages; a phone's first one, and the newest 50, come before the others."""
    found = absence("lte", missed=1000, seed=1)
    assert [offset for _, offset in found.told] == list(range(1, 1001))
    times = [at_s for at_s, _ in found.told]
    assert times == sorted(times)
    assert 0 < found.end_shown_s < found.all_told_s == times[-1]
    assert len([at_s for at_s in times if at_s <= found.end_shown_s]) == 200, "the first page"
    assert [newest for _, newest in found.shown] == sorted(newest for _, newest in found.shown)
    assert found.shown[-1][1] == 1000
    assert found.most_loaded == 1000


def test_a_short_absence_is_one_page():
    found = absence("lte", missed=100, seed=1)
    assert found.end_shown_s == found.all_told_s


def test_on_a_slow_network_it_takes_longer():
    assert absence("edge", missed=400).all_told_s > 3 * absence("lte", missed=400).all_told_s


def test_a_log_is_written_at_once():
    engine, pages = MemoryEngine(rng=random.Random(1)), []
    write_log(engine, 3)
    engine.read("lobby", pages.append, after=0, before=None, limit=10)
    bodies = [msgspec.json.decode(record.body) for record in pages[0].records]
    assert [(body["offset"], body["userId"], body["text"]) for body in bodies] == [
        (1, "zoe", "are you on the train already? 1"),
        (2, "zoe", "are you on the train already? 2"),
        (3, "zoe", "are you on the train already? 3"),
    ]
