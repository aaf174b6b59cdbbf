"""A real kernel of this Python, and the client that talks to it."""

import contextlib


@contextlib.contextmanager
def running_kernel():
    """The client of a kernel that is started for it, and ended with it."""
    from jupyter_client.manager import start_new_kernel  # not everybody has JupyterLab

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        client.context.destroy()
