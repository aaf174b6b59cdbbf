"""``realtime lab``: JupyterLab on the notebooks."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
from pathlib import Path

from realtime.commands.errors import CommandError
from realtime.utils.share import share_path

HELP = "open the notebooks in JupyterLab"
DESCRIPTION = """Opens JupyterLab on the notebooks, on this machine only and behind a token.
From a checkout these are its own notebooks; otherwise copies in ./realtime-lab-notebooks,
where your changes are kept."""

TOUR = "00_tour"
COPIES = "realtime-lab-notebooks"
_MANIFEST = ".realtime-lab.json"  # what we copied there: file -> SHA-256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``realtime lab``."""
    parser.add_argument("--port", type=int, help="port of JupyterLab (default: 8888 or the next free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    parser.add_argument("--notebook", metavar="NAME", default=TOUR, help="open this one (default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Run JupyterLab until it ends.

    Raises:
        CommandError: there is no JupyterLab, or no such notebook.
    """
    _skip_slow_grammar()
    try:
        jupyterlab = importlib.import_module("jupyterlab.labapp")
    except ImportError as error:
        raise CommandError(f"JupyterLab is missing ({error}): pip install 'realtime-lab[lab]'", status=2) from error
    shipped = share_path("notebooks")
    name = notebook_file(shipped, options.notebook)
    folder = _folder_to_open(shipped)
    uid = os.geteuid() if hasattr(os, "geteuid") else None
    arguments = jupyter_arguments(folder, name, port=options.port, browser=not options.no_browser, uid=uid)
    jupyterlab.LabApp.launch_instance(arguments)
    return 0


def notebook_file(folder: Path, name: str) -> str:
    """The file name of a notebook that may be named without its suffix.

    Raises:
        CommandError: there is none; the message lists those there are.
    """
    stem = name.removesuffix(".ipynb")
    stems = sorted(path.stem for path in folder.glob("*.ipynb"))
    if stem not in stems:
        raise CommandError(f"no notebook {name!r}; there are {', '.join(stems)}", status=2)
    return f"{stem}.ipynb"


def jupyter_arguments(folder: Path, notebook: str, *, port: int | None, browser: bool, uid: int | None) -> list[str]:
    """The command line for JupyterLab.

    Args:
        folder: what it shows.
        notebook: what it opens, relative to ``folder``.
        port: by default Jupyter's own, or the next free one; 0 is any free one.
        browser: whether to open one.
        uid: of the user who runs it; None where there are none.
    """
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{notebook}",
    ]
    if port is not None:
        arguments += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        arguments.append("--no-browser")
    if uid == 0:
        arguments.append("--allow-root")  # Jupyter refuses root otherwise; in a container one is nobody else
    return arguments


def copy_notebooks(shipped: Path, target: Path) -> list[str]:
    """Bring the shipped notebooks to ``target``, and newer versions of those left as they came.

    Returns:
        The files that differ from the shipped ones because the user changed them, and so were kept.
    """
    target.mkdir(parents=True, exist_ok=True)
    manifest = target / _MANIFEST
    copied: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    kept = []
    for source in sorted(path for path in shipped.rglob("*") if path.is_file()):
        relative = source.relative_to(shipped)
        if any(part.startswith((".", "__")) for part in relative.parts):
            continue
        name, data, place = relative.as_posix(), source.read_bytes(), target / relative
        now = _digest(place.read_bytes()) if place.exists() else None
        new = _digest(data)
        if now not in (None, new, copied.get(name)):
            kept.append(name)
            continue
        if now != new:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        copied[name] = new
    manifest.write_text(json.dumps(copied, indent=1) + "\n", encoding="utf-8")
    return kept


def _skip_slow_grammar() -> None:
    """Do without jsonschema's optional check of international addresses, which no schema of JupyterLab asks for.

    Importing rfc3987-syntax 1.1 builds its grammar anew each time: three of the five seconds that Lab takes to start.
    jsonschema imports it only where it is installed.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _folder_to_open(shipped: Path) -> Path:
    """The checkout's own notebooks, or the user's copies of those inside an installed wheel."""
    if shipped.parent.name != "_share":
        return shipped
    target = Path.cwd() / COPIES
    try:
        kept = copy_notebooks(shipped, target)
    except OSError as error:
        raise CommandError(f"cannot copy the notebooks to {target}: {error.strerror}; run it elsewhere") from error
    print(f"Notebooks: {target}" + (f" (kept as you changed them: {', '.join(kept)})" if kept else ""), flush=True)
    return target


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
