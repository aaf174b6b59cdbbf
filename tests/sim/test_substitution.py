"""Functions of modules, replaced for one thread at a time."""

import contextlib
import threading
import types

import pytest

from realtime.sim.substitution import Substitution


def make():
    """A module with a function, and its substitution by a source."""
    module = types.ModuleType("made")
    module.add = lambda a, b=0: a + b
    return module, Substitution(lambda: [(module, "add", lambda source, a, b=0: f"{source}: {a} {b}")])


def test_inside_the_source_answers_and_afterwards_the_original():
    module, substitution = make()
    original = module.add
    with substitution.of("ana"):
        assert module.add(1, b=2) == "ana: 1 2"
        assert substitution.source == "ana"
    assert module.add is original
    assert substitution.source is None


def test_the_inner_of_two_answers():
    module, substitution = make()
    with substitution.of("outer"):
        with contextlib.suppress(ZeroDivisionError), substitution.of("inner"):
            assert module.add(1) == "inner: 1 0"
            raise ZeroDivisionError
        assert module.add(1) == "outer: 1 0"


def test_another_thread_has_the_original():
    module, substitution = make()
    seen = []
    with substitution.of("ana"):
        thread = threading.Thread(target=lambda: seen.append(module.add(1, 2)))
        thread.start()
        thread.join()
    assert seen == [3]


def test_what_was_picked_up_inside_works_for_ever():
    module, substitution = make()
    with substitution.of("ana"):
        kept = module.add
    assert kept(1, 2) == 3
    with substitution.of("ben"):
        assert kept(1, 2) == "ben: 1 2"


def test_two_substitutions_are_independent():
    module, first = make()
    second = Substitution(lambda: [(module, "other", lambda source: source)])
    module.other = lambda: None
    with first.of("ana"), second.of("ben"):
        assert (first.source, second.source) == ("ana", "ben")
        assert module.other() == "ben"


def test_the_original_does_what_the_source_does_not():
    module, _ = make()
    substitution = Substitution(lambda: [(module, "add", lambda source, a, b=0: None if a else NotImplemented)])
    with substitution.of("ana"):
        assert module.add(1, b=2) is None
        assert module.add(0, b=2) == 2


def test_a_function_that_is_missing_is_an_error_and_changes_nothing():
    module, _ = make()
    original = module.add
    wrong = Substitution(lambda: [(module, "add", print), (module, "none", print)])
    with pytest.raises(AttributeError, match="none"), wrong.of("ana"):
        pass
    assert module.add is original
