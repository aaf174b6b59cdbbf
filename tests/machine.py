"""What a test may need that not every machine gives."""

import functools
import shutil
import socket
import subprocess
import tempfile


@functools.cache
def can_mount():
    """Whether file systems can be mounted: by root on Linux, in few containers."""
    if shutil.which("mount") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


@functools.cache
def has_ipv6():
    """Whether one can listen on ::1."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


NEEDS = {
    "mount": (can_mount, "a file system can be mounted by root on Linux only"),
    "ipv6": (has_ipv6, "this machine has no IPv6"),
}
"""By the words of the marker ``needs``: how to find out, and why a test is skipped without it."""


def missing(needs):
    """Why tests that need these things cannot run here; None if they can.

    Args:
        needs: keys of :data:`NEEDS`.
    """
    for name in needs:
        is_here, reason = NEEDS[name]
        if not is_here():
            return reason
    return None
