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


def test_what_an_app_and_its_server_are_made_of_is_public():
    presence = {"OnlineStatusSync", "PresenceTracker"}
    notifications = {
        "DeepLinks",
        "InAppNotifications",
        "Notification",
        "Priority",
        "PushNotificationHandler",
        "QuietHours",
    }
    server = {"ExpoGateway", "LocalGateway", "PushService", "RealtimeServer", "WebPushGateway"}
    assert presence | notifications | server <= set(realtime.__all__)
    assert list(realtime.__all__) == sorted(realtime.__all__)


def test_importing_realtime_makes_no_http_client_and_no_keys():
    """They are imported by the first push that needs them."""
    code = "import sys, realtime; print(sorted({'httpx', 'pywebpush', 'cryptography', 'shapely'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
