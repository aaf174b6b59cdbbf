"""Finds a Chromium for the browser tests; run as a module, it fetches one where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "no Chromium found: `playwright install --with-deps chromium` adds one,"
    " and so does `apt install chromium` on Debian and Ubuntu"
)


def find_chromium() -> str | None:
    """The path of a Chromium: one on the PATH, else the one that Playwright downloaded, else None."""
    for command in _COMMANDS:
        if path := shutil.which(command):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def main() -> int:
    """Make sure that there is a Chromium; 0 unless there is none under CI."""
    if find_chromium():
        return 0
    print("No Chromium for the browser tests. Trying Playwright's download …", flush=True)
    if _succeeds([sys.executable, "-m", "playwright", "install", "chromium"]):
        print("Using the Chromium that Playwright downloaded.")
    elif os.geteuid() == 0 and shutil.which("apt-get"):
        print("That was refused. Installing Debian's package …", flush=True)
        _succeeds(["apt-get", "update", "-qq"])
        _succeeds(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    if find_chromium():
        return 0
    print(f"Still {MISSING}. Until then the browser tests will be skipped.")
    return 1 if os.environ.get("CI") == "true" else 0


def _succeeds(command: list[str]) -> bool:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    return subprocess.run(command, capture_output=True, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
