"""Whose code is running."""

import contextvars

from realtime.sim.process import Process, current_host, current_process


def test_code_belongs_to_no_process_until_somebody_says_so():
    assert current_process.get() is None
    assert current_host.get() == "main"


def test_a_context_carries_its_process():
    process = Process("ana", 2)
    context = contextvars.copy_context()
    context.run(process.enter)
    assert context.run(current_process.get) is process
    assert context.run(current_host.get) == "ana"
    assert current_process.get() is None


def test_a_process_tells_its_host_its_number_and_its_end():
    process = Process("ana", 2)
    assert repr(process) == "<Process 'ana' 2>"
    process.is_dead = True
    assert repr(process) == "<Process 'ana' 2 DEAD>"
