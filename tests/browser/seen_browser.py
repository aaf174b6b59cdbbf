"""A Chromium as its user sees it: with tabs that come to the front and go out of sight.

Playwright's own pages are always in sight. One that is merely connected to leaves that to the browser.
"""

import contextlib
import re
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO

from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.jupyter import CHROMIUM_ARGS

_END_S = 10


@contextlib.contextmanager
def seen_browser(playwright_browser: Browser, *, width: int, height: int) -> Iterator[Browser]:
    """A second Chromium, driven by the Playwright of the first one, without Playwright's defaults."""
    path = chromium.find_chromium()
    assert path is not None
    profile = tempfile.mkdtemp(prefix="realtime-lab-chromium-")
    options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    command = [path, *CHROMIUM_ARGS, *options, f"--window-size={width},{height}", "about:blank"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        browser = playwright_browser.browser_type.connect_over_cdp(_address(process.stderr), no_defaults=True)
        yield browser
        browser.close()
    finally:
        process.terminate()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()
        shutil.rmtree(profile, ignore_errors=True)


def _address(printed: IO[str]) -> str:
    """Where it listens, as it prints it; what it prints later is thrown away, so that its pipe never fills."""
    for line in printed:
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            threading.Thread(target=lambda: deque(printed, maxlen=0), daemon=True).start()
            return found.group(1)
    raise RuntimeError("Chromium ended before it listened")
