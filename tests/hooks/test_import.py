"""reacton is an extra: without it the library works, and the hooks say what to install."""

import subprocess
import sys

WITHOUT = """
import sys
sys.modules["reacton"] = None  # as if it were not installed
import realtime
print(realtime.__version__)
try:
    import realtime.hooks
except ModuleNotFoundError as error:
    print(error, "|", error.name)
"""


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_without_reacton_the_library_works_and_the_hooks_say_which_extra_to_install():
    version, said = python(WITHOUT).splitlines()
    assert version
    assert said == ("realtime.hooks needs reacton, which is not installed: pip install 'realtime-lab[hooks]' | reacton")


def test_importing_the_library_does_not_import_reacton():
    assert python("import sys, realtime; print('reacton' in sys.modules)").strip() == "False"


def test_all_hooks_are_imported_from_one_place():
    import realtime.hooks

    hooks = ["chat_messages", "location", "network", "notifications", "observable", "presence", "socket", "typing"]
    assert [name for name in realtime.hooks.__all__ if name.startswith("use_")] == [f"use_{name}" for name in hooks]
    assert all(callable(getattr(realtime.hooks, name)) for name in realtime.hooks.__all__)
