"""Without the lab's packages the widgets say which extra brings them."""

import subprocess
import sys

import pytest

import widgets

HIDE = """
import sys
sys.modules[{name!r}] = None
try:
    import widgets
except ImportError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["anywidget", "ipyleaflet", "ipywidgets"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(name):
    done = subprocess.run([sys.executable, "-c", HIDE.format(name=name)], capture_output=True, text=True, check=True)
    assert done.stdout == f"the widgets need {name}, which is not installed: pip install 'realtime-lab[lab]'\n"


def test_every_widget_is_exported():
    assert widgets.__all__ == [
        "ChatRoom",
        "DeviceBridge",
        "LocationMap",
        "NetworkPanel",
        "NotificationCenter",
        "PresenceList",
    ]
    assert all(hasattr(widgets, name) for name in widgets.__all__)
