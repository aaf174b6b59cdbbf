"""What `import realtime` gives."""

import subprocess
import sys

import realtime


def test_every_public_name_is_there_and_documented():
    for name in realtime.__all__:
        assert getattr(realtime, name).__doc__, name


def test_the_version_is_the_distributions():
    from importlib.metadata import version

    assert realtime.__version__ == version("realtime-lab")


def test_importing_realtime_needs_no_extra_and_no_pandas():
    """A phone's client must not pay for a laboratory's tools."""
    code = "import sys, realtime; print(sorted({'pandas', 'ipywidgets', 'jupyterlab', 'gpxpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
