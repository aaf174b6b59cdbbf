"""The base of all hooks: a component shows the current snapshot, follows it, and lets go of it."""

import asyncio
import threading

import pytest
import reacton
import reacton.ipywidgets as w

from realtime.hooks.use_observable import use_observable
from realtime.sim.world import simulate
from realtime.utils.observable import Observable
from tests.hooks.watching import Counted, drawn
from tests.lab.sim_town import play
from tests.server.waiting import until
from tests.widgets.waiting import eventually


class Label:
    """A component that shows an observable and notes each render."""

    def __init__(self):
        self.shown = []
        self.threads = set()

        @reacton.component
        def label(observable, select=None):
            value = use_observable(observable, select)
            self.shown.append(value)
            self.threads.add(threading.current_thread())
            return w.Label(value=str(value))

        self.element = label


def in_virtual_time(script):
    """Run ``script()`` on a loop whose time is virtual."""

    async def main(world):
        return await script()

    return simulate(main, seed=0).result


@pytest.mark.clause("RT-HOOK-1")
def test_it_starts_from_the_current_snapshot_and_follows():
    async def script():
        label, score = Label(), Observable(1)
        score.set(2)
        with drawn(label.element(score)) as (widget, _):
            assert widget.value == "2"
            score.set(3)
            await asyncio.sleep(1)
            assert widget.value == "3"
        return label.shown

    assert in_virtual_time(script) == [2, 3]


@pytest.mark.clause("RT-HOOK-1")
def test_a_change_before_the_subscription_is_not_lost():
    async def script():
        score, shown = Counted(1), []

        @reacton.component
        def label():
            shown.append(use_observable(score))
            if len(shown) == 1:
                assert score.followers == 0
                score.set(2)  # after the snapshot was taken, before anybody follows
            return w.Label(value=str(shown[-1]))

        with drawn(label()) as (widget, _):
            await asyncio.sleep(1)
            assert widget.value == "2"
        return shown

    assert in_virtual_time(script) == [1, 2]


@pytest.mark.clause("RT-HOOK-1")
def test_a_burst_is_one_render_and_a_stream_25_in_a_second():
    async def script():
        label, score = Label(), Observable(0)
        with drawn(label.element(score)):
            for n in range(1, 1001):
                score.set(n)
            await asyncio.sleep(1)
            assert label.shown == [0, 1000]
            for n in range(1000):
                score.set(n)
                await asyncio.sleep(0.001)
            await asyncio.sleep(1)
            assert label.shown[-1] == 999
        return len(label.shown) - 2

    assert 20 <= in_virtual_time(script) <= 26  # one per 0.04 s at most


def test_all_that_changed_in_a_tree_is_one_render():
    async def script():
        renders, left, right = [], Observable("a"), Observable("b")

        @reacton.component
        def both():
            renders.append(use_observable(left) + use_observable(right))
            return w.Label(value=renders[-1])

        with drawn(both()):
            left.set("c")
            right.set("d")
            await asyncio.sleep(1)
        return renders

    assert in_virtual_time(script) == ["ab", "cd"]


def test_all_components_of_a_tree_are_rendered_together():
    async def script():
        left, right, scores = Label(), Label(), (Observable(1), Observable(1))

        @reacton.component
        def both():
            with w.VBox() as main:
                left.element(scores[0])
                right.element(scores[1])
            return main

        with drawn(both()) as (_, context):
            passes = context.render_count
            for score in scores:
                score.set(2)
            await asyncio.sleep(1)
            assert (left.shown, right.shown) == ([1, 2], [1, 2])
        return context.render_count - passes

    assert in_virtual_time(script) == 1


def test_a_selection_that_fails_fails_in_the_component():
    async def script():
        label, user, box = Label(), Counted({"name": "ana"}), w.widgets.VBox()
        _, context = reacton.render(label.element(user, lambda each: each["name"]), box)
        user.set({})
        await asyncio.sleep(1)
        assert "KeyError" in box.children[0].value
        assert user.followers == 0
        context.close()

    in_virtual_time(script)


def test_who_dies_while_telling_of_a_change_does_not_keep_the_others_from_being_shown():
    async def script(town):
        ana = await town.phone("ana")
        label, score = Label(), Observable(1)
        with drawn(label.element(score)):
            with ana.inside():
                score.set(2)
            town.world.kill_app("ana")
            await asyncio.sleep(1)
            score.set(3)
            await asyncio.sleep(1)
        return label.shown

    assert play(script) == [1, 2, 3]


def test_a_selection_that_stays_the_same_is_not_rendered_again():
    async def script():
        label, user = Label(), Observable({"name": "ana", "age": 1})
        with drawn(label.element(user, lambda each: each["name"])):
            user.set({"name": "ana", "age": 2})
            await asyncio.sleep(1)
            user.set({"name": "ben", "age": 2})
            await asyncio.sleep(1)
        return label.shown

    assert in_virtual_time(script) == ["ana", "ben"]


@pytest.mark.clause("RT-HOOK-2")
def test_unmounting_ends_the_subscription_and_what_was_about_to_be_rendered():
    async def script():
        label, score, is_open = Label(), Counted(1), Observable(True)

        @reacton.component
        def door():
            with w.VBox() as main:
                if use_observable(is_open):
                    label.element(score)
            return main

        with drawn(door()) as (_, context):
            assert score.followers == 1
            is_open.set(False)
            await asyncio.sleep(1)
            assert score.followers == 0
            is_open.set(True)
            await asyncio.sleep(1)
            assert score.followers == 1
            score.set(2)  # it is going to be rendered when the tree is taken down
            context.close()
            assert score.followers == 0
            score.set(3)
            await asyncio.sleep(1)
        return label.shown

    assert in_virtual_time(script) == [1, 1]


def test_a_change_that_its_component_did_not_live_to_show_renders_nothing():
    async def script():
        label, score = Label(), Counted(1)

        @reacton.component
        def door(is_open=True):
            with w.VBox() as main:
                if is_open:
                    label.element(score)
            return main

        with drawn(door()) as (_, context):
            score.set(2)
            context.render(door(is_open=False))
            passes = context.render_count
            await asyncio.sleep(1)
            assert context.render_count == passes
        return label.shown

    assert in_virtual_time(script) == [1]


@pytest.mark.clause("RT-HOOK-2")
def test_another_argument_is_followed_instead_and_shows_at_once():
    async def script():
        label, ana, ben, chosen = Label(), Counted("ana"), Counted("ben"), Observable("ana")

        @reacton.component
        def choice():
            return label.element({"ana": ana, "ben": ben}[use_observable(chosen)])

        with drawn(choice()):
            chosen.set("ben")
            await asyncio.sleep(1)
            assert (ana.followers, ben.followers) == (0, 1)
            ana.set("anna")
            await asyncio.sleep(1)
            ben.set("bea")
            await asyncio.sleep(1)
        assert (ana.followers, ben.followers) == (0, 0)
        return label.shown

    assert in_virtual_time(script) == ["ana", "ben", "bea"]


@reacton.component
def fragile(score):
    number = use_observable(score)
    if number < 0:
        raise ValueError("below zero")
    return w.Label(value=str(number))


def test_a_component_that_fails_at_first_follows_nothing():
    score = Counted(-1)
    with pytest.raises(ValueError, match="below zero"):
        reacton.render_fixed(fragile(score), handle_error=False)
    assert score.followers == 0


@pytest.mark.clause("RT-HOOK-2")
def test_a_component_that_fails_later_is_replaced_by_the_error_and_follows_no_more():
    async def script():
        score = Counted(1)
        box = w.widgets.VBox()
        _, context = reacton.render(fragile(score), box)
        score.set(-1)
        await asyncio.sleep(1)
        assert "below zero" in box.children[0].value
        assert score.followers == 0
        context.close()

    in_virtual_time(script)


def test_a_component_whose_neighbours_effect_fails_follows_no_more():
    score = Counted(1)

    @reacton.component
    def failing():
        reacton.use_effect(lambda: [][0], [])
        return w.Label(value="fails")

    @reacton.component
    def both():
        with w.VBox() as main:
            fragile(score)
            failing()
        return main

    box = w.widgets.VBox()
    _, context = reacton.render(both(), box)
    assert "IndexError" in box.children[0].value
    assert score.followers == 0
    context.close()


def test_where_errors_are_the_callers_a_failed_render_is_logged_and_the_next_one_works(caplog):
    async def script():
        score = Counted(1)
        with drawn(fragile(score), handle_error=False) as (widget, _):
            score.set(-1)
            await asyncio.sleep(1)
            assert "below zero" in caplog.text
            score.set(2)
            await asyncio.sleep(1)
            assert widget.value == "2"
            assert score.followers == 1
        assert score.followers == 0

    in_virtual_time(script)


@pytest.mark.clause("RT-HOOK-1", "RT-HOOK-3")
async def test_another_thread_may_change_it_as_fast_as_it_likes():
    label, score, last = Label(), Observable(0), 20_000

    def change():
        for n in range(1, last + 1):
            score.set(n)

    with drawn(label.element(score)) as (widget, _):
        changing = threading.Thread(target=change)
        changing.start()
        await until(lambda: widget.value == str(last))
        changing.join()
    assert label.threads == {threading.current_thread()}, "components run where they were rendered first"
    assert label.shown == sorted(set(label.shown)), "none comes twice, none goes back"


async def test_mounting_and_unmounting_while_another_thread_changes_it_leaves_nobody_behind():
    score, is_over = Counted(0), threading.Event()

    def change():
        n = 0
        while not is_over.is_set():
            score.set(n := n + 1)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        for _ in range(50):
            label = Label()
            with drawn(label.element(score)):
                await asyncio.sleep(0)
            count = len(label.shown)
            await asyncio.sleep(0)
            assert len(label.shown) == count
    finally:
        is_over.set()
        changing.join()
    assert score.followers == 0
    label = Label()
    with drawn(label.element(score)):
        assert label.shown == [score.snapshot]


def test_without_a_loop_components_run_on_a_thread_of_their_own():
    label, score = Label(), Observable(1)
    with drawn(label.element(score)) as (widget, _):
        score.set(2)
        eventually(lambda: widget.value == "2")
    assert label.shown == [1, 2]
    assert len(label.threads) == 2


def test_a_change_after_the_loops_end_hurts_nobody():
    label, score = Label(), Observable(1)

    async def script():
        return reacton.render_fixed(label.element(score))

    widget, context = asyncio.run(script())
    score.set(2)
    assert widget.value == "1"
    context.close()
