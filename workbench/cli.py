"""The command line: finds the verb, imports it, and turns its errors into messages and exit codes."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from workbench import __version__
from workbench.commands import SCRIPT, examples, here, program, use_catalogue
from workbench.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_USER, FaultsError, UsageError, WorkbenchError, too_long
from workbench.locations import ROOT
from workbench.names import suggestion

_CHECKOUT = "run `make wizard`, or .venv/bin/python wizard.py after `make setup`"
_INSTALLED = "install workbench-images again with its dependencies"

# A verb is imported only when it is used: `list` has no use for what `build` imports.
VERBS = {
    "wizard": "choose a recipe by answering questions (what `wizard.py` alone does)",
    "up": "from nothing to an open workbench: make what is missing, and open it",
    "run": "run an image that was built, as a workbench",
    "ps": "list workbenches, with the addresses to open",
    "stop": "stop workbenches; remove them, and their files, on request",
    "new": "compose a recipe from flags, defaults or an answers file",
    "list": "show releases, operating systems, bundles and IDEs",
    "matrix": "show every combination, possible or not and why; compose all of them",
    "check": "check a catalogue, or recipe folders against it",
    "diff": "show how two recipes differ",
    "update": "compose a recipe again, and keep what was changed by hand",
    "completion": "print the script that completes verbs, flags and names in bash, zsh or fish",
    "tag": "take a tag apart, or put one together",
    "build": "build an image from a recipe folder, and push it",
    "base": "build the base image of an operating system",
    "cuda": "build the CUDA images on a base: base, runtime, devel, each with cuDNN or not",
    "os-image": "make an operating system's root image from its packages",
    "validate": "start a base image and check its commands and Python",
    "doctor": "show what a bundle needs of a GPU machine, and what will not work",
    "recipes": "compose the standard set of a release",
    "images": "build the standard set: bases, CUDA, recipes",
    "push": "push the standard set, and move its `latest` when all of it is there",
    "verify": "check who signed images in a registry",
    "keys": "make key pairs that sign images",
    "sbom": "list the packages of a recipe or an image (CycloneDX)",
    "size": "show what is in an image, by package, with its bytes; as a picture too",
    "audit": "show known holes in locks, recipes and images",
    "export": "write what platforms import: image streams, Elyra, bake, Kubernetes",
    "lock": "lock the Python packages of bundles",
    "release": "make, freeze, update, check and compare releases",
    "monobase": "immutable generations of environments: build, verify, activate",
    "model": "models: from a cog.yaml to an image that answers predictions",
    "service-image": "build the image that the service runs in",
    "serve": "run the service that runs replica sets",
    "token": "make, show, rotate and revoke the service's tokens",
    "rs": "run, change and roll back replica sets",
    "volume": "create, resize and delete volumes of replica sets",
}


class _ArgumentParser(argparse.ArgumentParser):
    """A parser whose complaints are errors like any other."""

    def error(self, message: str) -> NoReturn:
        words = self.prog.removeprefix(program()).strip()
        raise UsageError(message, hint=f"`{here(f'{words} --help')}` shows what it takes")


def command() -> int:
    """Run the command `workbench-images`, which pip makes of this."""
    return main(sys.argv[1:])


def main(argv: Sequence[str]) -> int:
    """Run the command line `argv` (without the program's name) and return the exit code."""
    as_json = "--json" in argv
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    if sys.stdout is None:
        print("error: standard output is closed: there is nowhere to print to", file=sys.stderr)
        return EXIT_USER
    try:
        code = _run(list(argv))
        sys.stdout.flush()
        return code
    except WorkbenchError as error:
        _print_error(error, as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`).
        _drop_output()
        return EXIT_USER
    except ModuleNotFoundError as missing:
        # Started with a Python that is not the environment's: the one mistake that everybody makes.
        if missing.name is None or missing.name.startswith("workbench"):
            return _report_bug(missing, argv)
        advice = _CHECKOUT if program() == SCRIPT else _INSTALLED
        print(f"{program()} needs {missing.name}: {advice}", file=sys.stderr)
        return EXIT_USER
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            _print_error(WorkbenchError(too_long(error)), as_json)
            return EXIT_USER
        # A file's error has its name; without one it is what the output goes to: a full disk, a device that is gone.
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF):
            return _report_bug(error, argv)
        _drop_output()
        _print_error(WorkbenchError(f"standard output cannot be written: {error.strerror}"), as_json)
        return EXIT_USER
    except Exception as error:  # the last resort: a bug is ours to read, not the user's
        return _report_bug(error, argv)
    finally:
        use_catalogue(str(ROOT))


def _drop_output() -> None:
    """Let what is still buffered for standard output go nowhere, instead of failing once more at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(argv: list[str]) -> int:
    argv = _verb_first(argv)
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help", "--version")):
        argv = ["wizard", *argv]
    if argv[0] == "--version":
        print(f"workbench-images {__version__}")
        return 0
    if argv[0] in ("-h", "--help"):
        print(_help())
        return 0
    if argv[0] == "__complete":
        from workbench.verbs.completion import print_candidates

        print_candidates(argv[1], argv[2:])
        return 0
    verb = argv[0]
    if verb not in VERBS:
        raise UsageError(f"there is no verb {verb!r}", hint=suggestion(verb, VERBS))
    module, parser = verb_parser(verb)
    args = parser.parse_args(argv[1:])
    use_catalogue(args.catalog)
    return int(module.run(args))


def verb_parser(verb: str) -> tuple[ModuleType, argparse.ArgumentParser]:
    """Return the module of `verb`, one of VERBS, and the parser of its arguments."""
    module = importlib.import_module(f"workbench.verbs.{verb.replace('-', '_')}")
    parser = parser_of(verb, VERBS[verb], module.EXAMPLES)
    parser.add_argument(
        "--catalog", metavar="DIR", default=str(ROOT), help="use another catalogue (default: the tool's own)"
    )
    module.arguments(parser)
    return module, parser


def without_catalogue(argv: Sequence[str]) -> tuple[list[str], str]:
    """Return the words without a `--catalog DIR` in front of the verb, and DIR: the tool's own where none is given."""
    given = _before_verb(argv)
    return list(argv[given:]), argv[given - 1].removeprefix("--catalog=") if given and len(argv) >= given else str(ROOT)


def _before_verb(argv: Sequence[str]) -> int:
    """Return how many words name a catalogue in front of the verb."""
    return 2 if argv[:1] == ["--catalog"] and len(argv) > 1 else int(bool(argv) and argv[0].startswith("--catalog="))


def _verb_first(argv: list[str]) -> list[str]:
    """Return the words with `--catalog DIR` behind the verb, where it stands before one."""
    given = _before_verb(argv)
    rest = argv[given:]
    return [rest[0], *argv[:given], *rest[1:]] if given and rest and not rest[0].startswith("-") else argv


def parser_of(verb: str, about: str, shown: str) -> argparse.ArgumentParser:
    """Return a parser for `verb`, without its arguments yet; `shown` are its examples."""
    return _ArgumentParser(
        prog=f"{program()} {verb}",
        description=about,
        epilog=f"examples:\n{examples(shown)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _help() -> str:
    verbs = "\n".join(f"  {verb:<10} {text}" for verb, text in VERBS.items())
    return examples(
        "usage: wizard.py [VERB] [--help]\n\n"
        "Choose, compose and build container images for data science.\n"
        "Without a verb it prompts, step by step, and writes a recipe.\n\n"
        f"verbs:\n{verbs}\n\n"
        "examples:\n"
        "  wizard.py                                     prompts, then writes a recipe and offers to build it\n"
        "  wizard.py new --defaults --ide jupyter        the release's defaults, without questions\n"
        "  wizard.py build recipes/TAG                   build what was written\n"
    )


def _print_error(error: WorkbenchError, as_json: bool) -> None:
    if as_json:
        print(json.dumps(error.as_data(), ensure_ascii=False), file=sys.stderr)
        return
    one = isinstance(error, FaultsError) and len(error.faults) == 1
    where = f"{error.where}: " if error.where and (one or not isinstance(error, FaultsError)) else ""
    if isinstance(error, FaultsError):
        lines = [f"error: {error.message}"]
        lines += [f"  {place}: {message}" if place else f"  {message}" for place, message in error.faults]
    else:
        lines = [f"error: {where}{error.message}"]
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    print("\n".join(lines), file=sys.stderr)


def _report_bug(error: Exception, argv: Sequence[str]) -> int:
    print(f"error: this is a bug in workbench-images: {error!r}", file=sys.stderr)
    print(f"  the details are in {_log_bug(argv)}; please report them", file=sys.stderr)
    return EXIT_BUG


def _log_bug(argv: Sequence[str]) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="workbench-bug-", suffix=".log", delete=False) as log:
        log.write(f"workbench-images {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write(f"arguments: {list(argv)}\n\n{traceback.format_exc()}")
    return log.name
