"""The options of ``realtime serve`` for push services."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.commands.data_folder import data_folder
from realtime.commands.errors import CommandError

if TYPE_CHECKING:
    from realtime.server.push.gateway import Gateway, PlatformName
    from realtime.server.push.web_push_gateway import WebPushGateway

ACCESS_TOKEN = "EXPO_ACCESS_TOKEN"


def add_push_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "--web-push",
        type=_contact,
        metavar="CONTACT",
        help="push to browsers; CONTACT, mailto:… or https://…, is whom their push services may write to",
    )
    parser.add_argument(
        "--vapid-key",
        type=Path,
        metavar="FILE",
        help="the key of those pushes, as PEM; made if it is not there (default: vapid.pem in the user's data folder)",
    )
    parser.add_argument(
        "--expo-push",
        action="store_true",
        help=f"push to React Native apps by Expo; the account's access token, if it asks for one, is ${ACCESS_TOKEN}",
    )


def gateways_of(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[PlatformName, Gateway]:
    """The push services that were asked for, and the lab's own.

    Raises:
        CommandError: one cannot be used.
    """
    from realtime.server.push.local_gateway import LocalGateway

    gateways: dict[PlatformName, Gateway] = {"local": LocalGateway()}
    if options.vapid_key is not None and options.web_push is None:
        raise CommandError("--vapid-key is for --web-push CONTACT; give that too", status=2)
    if options.web_push is not None:
        _require("httpx", "pywebpush", option="--web-push")
        path = options.vapid_key or data_folder(sys.platform, environment, Path.home()) / "vapid.pem"
        gateways["web"] = _web_push(path.expanduser(), options.web_push)
    if options.expo_push:
        _require("httpx", option="--expo-push")
        from realtime.server.push.expo_gateway import ExpoGateway

        gateways["expo"] = ExpoGateway(access_token=environment.get(ACCESS_TOKEN) or None)
    return gateways


def _contact(text: str) -> str:
    if not re.fullmatch(r"(mailto:[^@\s]+@|https://)[^\s]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no mailto:… or https://…")
    return text


def _require(*modules: str, option: str) -> None:
    if any(find_spec(module) is None for module in modules):
        raise CommandError(f"{option} needs more packages: pip install 'realtime-lab[server]'")


def _web_push(path: Path, contact: str) -> WebPushGateway:
    from realtime.server.push.web_push_gateway import WebPushGateway

    try:
        key = path.read_bytes() if path.exists() else _new_key(path)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; give another one by --vapid-key") from error
    try:
        return WebPushGateway(key.decode(), subject=contact)
    except Exception as error:  # the libraries below have many words for it
        raise CommandError(f"{path} has no VAPID key in PEM; move it away, and a new one is made") from error


def _new_key(path: Path) -> bytes:
    """Make a key that only its owner can read, all of it or nothing."""
    from py_vapid import Vapid02

    keys = Vapid02()
    keys.generate_keys()
    key: bytes = keys.private_pem()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}-new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return key
