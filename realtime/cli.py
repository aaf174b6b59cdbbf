"""The console command ``realtime``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib import metadata

from realtime.commands.errors import CommandError

# Subcommand -> its module, which has HELP, DESCRIPTION, add_arguments(parser) and run(options) -> exit status.
COMMANDS = {
    "lab": "realtime.commands.open_lab",
    "serve": "realtime.commands.run_server",
    "proxy": "realtime.commands.run_proxy",
    "sim": "realtime.commands.run_sim",
    "campaign": "realtime.commands.run_campaign",
    "doctor": "realtime.commands.doctor",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 could not be done, 2 asked for wrongly."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        status: int = importlib.import_module(COMMANDS[options.command]).run(options)
    except CommandError as error:
        print(f"realtime {options.command}: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return 130  # as a shell reports SIGINT
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="realtime",
        description="Realtime features for phones on bad networks, and the laboratory that proves them.",
    )
    parser.add_argument("--version", action="version", version=f"realtime-lab {_version()}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, module_name in COMMANDS.items():
        module = importlib.import_module(module_name)
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
    return parser


def _version() -> str:
    try:
        return metadata.version("realtime-lab")
    except metadata.PackageNotFoundError:
        return "(not installed as a distribution)"
