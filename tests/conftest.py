"""What holds for every test."""

import os

import pytest

from tests.machine import missing

WHOLE_WORLDS = ("_simulated", "_chaos")
"""Files of tests that run for long; which lines they reach, the tests of the single parts show."""


@pytest.hookimpl(tryfirst=True)  # before ``-m`` looks at the marks
def pytest_collection_modifyitems(config, items):
    """A test that is marked ``needs`` is skipped on a machine without that; under continuous integration, left out."""
    kept, left_out = [], []
    for item in items:
        why = missing(need for mark in item.iter_markers("needs") for need in mark.args)
        if why is not None and _is_ci():
            left_out.append(item)
            continue
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=why))
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) or item.path.stem.endswith(WHOLE_WORLDS):
            item.add_marker(pytest.mark.untraced)
        kept.append(item)
    items[:] = kept
    if left_out:
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Under continuous integration nothing may be missing: a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _is_ci():
        report.outcome = "failed"
        report.longrepr = f"skipped under CI=true, where everything must run: {report.longrepr}"
    return report


def _is_ci():
    return os.environ.get("CI") == "true"
