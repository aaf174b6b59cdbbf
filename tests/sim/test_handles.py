"""What a loop hands out for a callback."""

import contextvars
import random

from realtime.sim.handles import IDLE_NS, SimHandle, SimTimer, interleaved
from realtime.sim.process import Process, current_host


class Heap:
    """Stands for the loop: counts what a cancelled timer leaves in its heap."""

    stale = 0

    def note_stale(self):
        self.stale += 1


def test_a_cancelled_handle_lets_go_of_what_it_held():
    handle = SimHandle(print, (1, 2), contextvars.copy_context())
    assert not handle.cancelled()
    assert "print" in repr(handle)
    handle.cancel()
    assert handle.cancelled()
    assert (handle.callback, handle.args) == (None, ())
    assert repr(handle) == "<SimHandle cancelled>"


def test_a_timer_tells_its_time_also_when_it_is_over():
    timer = SimTimer(print, (), None, 1_500_000_000, 1_500_000_000, Heap())
    assert timer.when() == 1.5
    timer.due_ns = IDLE_NS
    assert timer.when() == 1.5


def test_only_a_timer_that_waits_leaves_an_entry_behind():
    heap = Heap()
    waits = SimTimer(print, (), None, 7, 7, heap)
    waits.cancel()
    waits.cancel()
    assert (waits.cancelled(), waits.due_ns, heap.stale) == (True, IDLE_NS, 1)
    fired = SimTimer(print, (), None, 7, IDLE_NS, heap)
    fired.cancel()
    assert (fired.cancelled(), heap.stale) == (True, 1)


def handles(*hosts):
    made = []
    for number, host in enumerate(hosts):
        context = contextvars.Context()
        context.run(current_host.set, host)
        made.append(SimHandle(print, (number,), context))
    return made


def order(handles):
    return [handle.args[0] for handle in handles]


def test_interleaving_keeps_the_order_of_each_host():
    """Two hosts of three handles each: 6! / (3! · 3!) = 20 orders are possible, and all of them come up."""
    made = handles("ana", "ana", "ben", "ana", "ben", "ben")
    seen = {tuple(order(interleaved(made, random.Random(seed)))) for seed in range(300)}
    assert len(seen) == 20
    for one in seen:
        assert [n for n in one if n in (0, 1, 3)] == [0, 1, 3]
        assert [n for n in one if n in (2, 4, 5)] == [2, 4, 5]


def test_one_host_alone_draws_nothing():
    rng = random.Random(5)
    made = handles("ana", "ana", "ana")
    assert order(interleaved(made, rng)) == [0, 1, 2]
    assert rng.getstate() == random.Random(5).getstate()


def test_a_handle_without_a_context_is_a_host_of_its_own():
    made = [SimHandle(print, (0,), None), SimHandle(print, (1,), None)]
    assert {tuple(order(interleaved(made, random.Random(seed)))) for seed in range(20)} == {(0, 1), (1, 0)}


def test_a_process_of_a_host_is_ordered_with_the_rest_of_it():
    inside = contextvars.Context()
    inside.run(Process("ana", 1).enter)
    made = [*handles("ana"), SimHandle(print, (1,), inside)]
    assert all(order(interleaved(made, random.Random(seed))) == [0, 1] for seed in range(20))


def test_what_runs_nowhere_in_particular_runs_on_the_default_host():
    nowhere = SimHandle(print, (0,), contextvars.Context())
    made = [nowhere, SimHandle(print, (1,), handles("main")[0].context)]
    assert all(order(interleaved(made, random.Random(seed))) == [0, 1] for seed in range(20))
