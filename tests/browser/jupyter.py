"""A real JupyterLab in a real Chromium: started on free ports with throw-away settings, and always ended."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
START_S, CELL_S, UNTIL_S = 60, 60, 20

_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/themes": {"adaptive-theme": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
}
# As root Chromium has no sandbox to use; the rest keeps it from talking to anyone but us.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def jupyterlab() -> Iterator["Server"]:
    """A JupyterLab server of this environment, on loopback, that knows nothing of the user's settings."""
    home = Path(tempfile.mkdtemp(prefix="realtime-lab-"))
    server = Server(home)
    for key, value in _SETTINGS.items():
        package, plugin = key.rsplit("/", 1)
        path = home / "settings" / package / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    server.root.mkdir()
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(server.command, env=server.environment, stdout=log, stderr=log, cwd=server.root)
        try:
            server.wait_until_ready(process)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            shutil.rmtree(home, ignore_errors=True)


class Server:
    """Where the server is, and how it was started."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.home, self.root = home, home / "root"
        self._token = secrets.token_hex(16)
        self.command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
            f"--port={self._port}",
            f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={self._token}",
            "--LabApp.expose_app_in_browser=True",
            "--LabApp.news_url=",
            "--LabApp.extension_manager=readonly",
        ]
        folders = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        self.environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
        self.environment["PYTHONPATH"] = str(ROOT)

    def url(self, path: str) -> str:
        """An address on this server, with its token."""
        return f"http://127.0.0.1:{self._port}/{path}?token={self._token}"

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return once it answers."""
        pause = threading.Event()
        for _ in range(START_S * 10):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(self.url("api"), timeout=1).close()
                return
            if process.poll() is not None:
                break
            pause.wait(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{(self.home / 'lab.log').read_text()}")

    def write(self, name: str, *cells: str) -> str:
        """A notebook with these code cells; returns its name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.root / name)
        return name


class Notebook:
    """A notebook that is open in JupyterLab, driven as its reader would."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        page.evaluate("path => { jupyterapp.commands.execute('docmanager:open', { path }); }", name)
        page.wait_for_function(_READY, arg=name, timeout=START_S * 1000)

    def run(self, index: int, *, wait: bool = True) -> None:
        """Run one cell, as Ctrl+Enter does; without ``wait`` only start it."""
        run = self.page.evaluate_handle(_RUN_CELL, index)
        if wait:
            self.page.evaluate(_WAIT_FOR, [run, CELL_S])
            assert not (error := self.error(index)), error

    def run_all(self, *, until: str | None = None) -> int:
        """Run the cells one after the other, up to (not including) the first that has the tag ``until``.

        Returns:
            The index of the cell that comes next.
        """
        for index, cell in enumerate(self.cells):
            if until is not None and until in cell["metadata"].get("tags", []):
                return index
            if cell["cell_type"] == "code":
                self.run(index)
        return len(self.cells)

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells as the notebook's file would have them."""
        return self.page.evaluate("() => jupyterapp.shell.currentWidget.context.model.toJSON().cells")

    def error(self, index: int) -> str:
        """The traceback of a cell, or an empty text."""
        outputs = self.cells[index].get("outputs", [])
        return "\n".join(line for out in outputs if out["output_type"] == "error" for line in out["traceback"])

    def text(self, index: int) -> str:
        """What a cell printed."""
        outputs = self.cells[index].get("outputs", [])
        return "".join("".join(out["text"]) for out in outputs if out.get("name") == "stdout")

    def do(self, code: str, *, wait: bool = True) -> str:
        """Write code into the last cell and run it; returns what it printed."""
        last = len(self.cells) - 1
        self.page.evaluate(_SET_SOURCE, [last, code])
        self.run(last, wait=wait)
        return self.text(last) if wait else ""

    def until(self, words: str, code: str) -> None:
        """Run code until it prints these words: what the page asked for may still be on its way to Python."""
        expires = time.monotonic() + UNTIL_S
        while words not in (printed := self.do(code)):
            assert time.monotonic() < expires, f"{words!r} is not in {printed!r}"

    def theme(self, name: str) -> None:
        """Change to the ``"Light"`` or the ``"Dark"`` theme, and wait for its colours."""
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {name}"
        )
        self.page.wait_for_function(_HAS_THEME, arg=name)

    def close(self) -> None:
        """Shut the kernel down and close the tab."""
        self.page.evaluate(_CLOSE)


def open_jupyterlab(page: Page, server: Server) -> None:
    """Load JupyterLab, without its side bar."""
    page.goto(server.url("lab") + "&reset")
    page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget", timeout=START_S * 1000)
    page.evaluate(_TIDY_UP)


_READY = """path => {
    const widget = jupyterapp.shell.currentWidget;
    const kernel = widget?.sessionContext?.session?.kernel;
    return widget?.context?.path === path && widget.context.isReady
        && kernel?.status === "idle" && kernel.connectionStatus === "connected";
}"""
_TIDY_UP = """async () => {
    await jupyterapp.restored;
    if (document.querySelector("#jp-left-stack:not(.lm-mod-hidden)"))
        await jupyterapp.commands.execute("application:toggle-left-area").catch(() => 0);
}"""
_CLOSE = """async () => {
    const widget = jupyterapp.shell.currentWidget;
    await widget.sessionContext.shutdown();
    await widget.context.save();
    widget.close();
}"""
_RUN_CELL = """index => {
    const notebook = jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    return { done: jupyterapp.commands.execute("notebook:run-cell") };
}"""
_HAS_THEME = """name => {
    const isWhite = getComputedStyle(document.body).getPropertyValue("--jp-layout-color1").trim() === "white";
    return document.body.dataset.jpThemeName === `JupyterLab ${name}` && isWhite === (name === "Light");
}"""
_SET_SOURCE = """([index, source]) => {
    jupyterapp.shell.currentWidget.content.widgets[index].model.sharedModel.setSource(source);
}"""
_WAIT_FOR = """([run, seconds]) => {
    const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`the cell did not end in ${seconds} s`)), seconds * 1000);
    });
    return Promise.race([run.done, late]);
}"""
