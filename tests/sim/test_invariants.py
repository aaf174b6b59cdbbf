"""What must always hold, and what must happen in time."""

import asyncio

import pytest

from realtime.sim.invariants import Broken, Invariants
from realtime.sim.loop import SimError, SimLoop
from realtime.sim.play import play


def hint(loop):
    return f"at {loop.time()} s; replay: this line"


@pytest.fixture
def run():
    """Run ``main(invariants)`` and return its result."""
    loops = []

    def run(main, **options):
        loop = SimLoop(**options)
        loops.append(loop)
        invariants = Invariants(loop, lambda: hint(loop))
        return play(loop, main(invariants), hint=lambda: hint(loop))

    yield run
    for loop in loops:
        loop.close()


def now():
    return asyncio.get_running_loop().time()


def test_what_must_always_hold_is_looked_at_after_each_instant_of_events(run):
    async def main(invariants):
        looked = []
        with invariants.always(lambda: looked.append(now()) or True):
            for _ in range(2):
                await asyncio.sleep(1.5)
        await asyncio.sleep(10)
        return looked

    assert run(main) == [0.0, 1.5], "at 3 s the block was over before the instant was"


def test_without_a_block_it_holds_to_the_end(run):
    async def main(invariants):
        invariants.always(lambda: now() < 2)
        for _ in range(9):
            await asyncio.sleep(1.5)

    with pytest.raises(Broken, match=r"does not hold; at 3\.0 s"):
        run(main)


def test_a_state_that_lasts_no_time_is_not_looked_at(run):
    """Between two statements of one instant anything may be half done."""

    async def main(invariants):
        numbers = []
        invariants.always(lambda: len(numbers) != 1)
        numbers.append(1)
        await asyncio.sleep(0)
        numbers.append(2)
        await asyncio.sleep(1)
        return len(numbers)

    assert run(main) == 2


def test_a_failure_tells_what_when_and_how_to_see_it_again(run):
    async def main(invariants):
        def at_most_two():
            assert now() < 2, "it is late"

        invariants.always(at_most_two)
        invariants.always(lambda: True, name="never mind")
        await asyncio.sleep(2.5)
        await asyncio.sleep(1)

    with pytest.raises(
        Broken, match=r"(?s)at_most_two .*does not hold: it is late.*; at 2\.5 s; replay: this line"
    ) as caught:
        run(main)
    assert isinstance(caught.value.__cause__, AssertionError)
    assert isinstance(caught.value, SimError)
    assert isinstance(caught.value, AssertionError)
    assert not getattr(caught.value, "__notes__", []), "the hint is in the message"


def test_its_name_may_be_given(run):
    async def main(invariants):
        invariants.always(lambda: now() < 1, name="nobody waits")
        for _ in range(3):
            await asyncio.sleep(1)

    with pytest.raises(Broken, match=r"^nobody waits does not hold; at 1\.0 s; "):
        run(main)


def test_the_last_instant_counts(run):
    """Whoever runs the script looks once more when it has returned."""

    async def main(invariants):
        invariants.always(lambda: now() < 1, name="early")
        await asyncio.sleep(1)
        invariants.check()

    with pytest.raises(Broken, match="early"):
        run(main)


def test_a_run_that_is_over_is_not_looked_at(run, caplog):
    """What does not hold then would keep the tasks from ending, or would be told of a run that was fine."""
    ended = []

    async def main(invariants, t_s):
        async def lingers():
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(1)
                ended.append(now())

        task = asyncio.create_task(lingers())
        invariants.always(lambda: now() < 2.5)
        await asyncio.sleep(t_s)
        await asyncio.sleep(0.25)
        return task.get_name()

    run(lambda invariants: main(invariants, 2))
    with pytest.raises(Broken):
        run(lambda invariants: main(invariants, 3))
    assert ended == [3.25, 4.0]
    assert not caplog.records


@pytest.mark.parametrize("answer", [None, True, 7])
def test_what_holds(run, answer):
    async def main(invariants):
        invariants.always(lambda: answer)
        await asyncio.sleep(1)

    run(main)


@pytest.mark.parametrize("answer", [False, 0, ""])
def test_what_does_not(run, answer):
    async def main(invariants):
        invariants.always(lambda: answer)
        await asyncio.sleep(1)

    with pytest.raises(Broken):
        run(main)


def test_a_check_that_fails_otherwise_fails_the_run_as_it_is(run):
    async def main(invariants):
        invariants.always(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        run(main)


def test_a_check_may_end_itself_and_others(run):
    async def main(invariants):
        guards = []

        def check():
            for guard in guards:
                guard.end()

        guards += [invariants.always(check), invariants.always(lambda: now() < 1)]
        await asyncio.sleep(0.5)
        await asyncio.sleep(5)
        guards[0].end()

    run(main)


# -- eventually


def test_eventually_returns_what_became_true_at_the_instant_when_it_did(run):
    async def main(invariants):
        texts = []
        asyncio.get_running_loop().call_later(2.5, texts.append, "here")
        return await invariants.eventually(lambda: texts, within_s=10), now()

    assert run(main) == (["here"], 2.5)


def test_what_is_true_already_needs_no_time(run):
    async def main(invariants):
        return await invariants.eventually(lambda: "yes", within_s=1), now()

    assert run(main) == ("yes", 0.0)


def test_too_late(run):
    async def main(invariants):
        texts = []
        asyncio.get_running_loop().call_later(10.5, texts.append, "here")

        def arrived():
            return texts

        await asyncio.sleep(1)
        await invariants.eventually(arrived, within_s=9)

    with pytest.raises(Broken, match=r"arrived .*did not happen within 9 s; at 10\.0 s; replay: this line"):
        run(main)


def test_the_last_moment_is_in_time(run):
    async def main(invariants):
        texts = []
        waiting = asyncio.ensure_future(invariants.eventually(lambda: texts, within_s=3))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(3, texts.append, "here")
        return await waiting, now()

    assert run(main) == (["here"], 3.0)


def test_a_condition_of_the_clock_alone(run):
    """Nothing happens between now and the deadline, which is looked at all the same."""

    async def main(invariants):
        await invariants.eventually(lambda: now() >= 2, within_s=2)
        return now()

    assert run(main) == 2.0


def test_a_condition_may_be_made_of_assertions(run):
    async def main(invariants):
        def late():
            assert now() > 5, f"it is {now()} s only"
            return "late"

        asyncio.get_running_loop().call_later(6, int)
        first = await invariants.eventually(late, within_s=7)
        with pytest.raises(Broken, match=r"never did not happen .*: still not; at 7.0 s; replay"):
            await invariants.eventually(fails, within_s=1, name="never")
        return first, now()

    def fails():
        raise AssertionError("still not")

    assert run(main) == ("late", 7.0)


def test_a_condition_that_fails_otherwise_fails_as_it_is(run):
    async def main(invariants):
        await invariants.eventually(lambda: 1 / (now() - 1), within_s=5)
        asyncio.get_running_loop().call_later(1, int)
        await invariants.eventually(lambda: 1 / (now() - 1) > 0, within_s=5)

    with pytest.raises(ZeroDivisionError):
        run(main)


def test_who_stops_waiting_is_forgotten(run):
    async def main(invariants):
        asked = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await invariants.eventually(lambda: asked.append(now()), within_s=60)
        await asyncio.sleep(10)
        return asked

    assert run(main) == [0.0, 0.0], "at once, and at the end of the instant"


def test_nothing_is_watched_where_nothing_is_asked(run):
    async def main(invariants):
        loop = asyncio.get_running_loop()
        before = loop.instant_ended
        with invariants.always(lambda: True):
            inside = loop.instant_ended
        await invariants.eventually(lambda: True, within_s=1)
        return before, inside is None, loop.instant_ended

    assert run(main) == (None, False, None)


async def async_check():
    return True


def test_nonsense_is_refused_at_once(run):
    async def main(invariants):
        for check in (None, 3, async_check):
            with pytest.raises(TypeError, match="not async"):
                invariants.always(check)
            with pytest.raises(TypeError, match="not async"):
                await invariants.eventually(check, within_s=1)
        for within_s in (0, -1, float("nan"), float("inf"), "3"):
            with pytest.raises(ValueError, match="within_s"):
                await invariants.eventually(lambda: True, within_s=within_s)

    run(main)
