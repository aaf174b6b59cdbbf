"""Whether a page can be heard: not while a cell runs, unless the kernel has an ear of its own for it."""

from IPython.core.interactiveshell import InteractiveShell

from widgets.kernel_ear import KernelEar


def test_outside_of_ipython_pages_are_always_heard():
    ear = KernelEar(None)
    assert not ear.deaf
    ear.close()


def test_while_a_cell_runs_nothing_is_heard():
    shell = InteractiveShell()
    ear = KernelEar(shell)
    seen = []
    shell.user_ns["look"] = lambda: seen.append(ear.deaf)
    assert not ear.deaf
    shell.run_cell("look()")
    assert seen == [True]
    assert not ear.deaf
    shell.run_cell("1 / 0 if False else look()")
    assert not ear.deaf
    shell.user_ns["hear"] = ear.heard
    shell.run_cell("hear(); look()")  # a kernel whose widgets have a thread of their own
    assert seen == [True, True, False]
    ear.close()
    shell.run_cell("look()")
    assert seen[-1] is False
    ear.close()
