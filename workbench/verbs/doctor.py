"""`wizard.py doctor`: what a bundle needs of a GPU machine, and what will not work."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
from dataclasses import asdict

from workbench.catalog.compatibility import version_key
from workbench.catalog.reader import open_catalogue
from workbench.catalog.views import at_release
from workbench.compose.defaults import defaults
from workbench.compose.diagnosis import WRONG, GpuMachine, diagnose
from workbench.errors import EXIT_OK, EXIT_USER, UsageError, WorkbenchError
from workbench.names import pick, python_version
from workbench.table import columns, folded
from workbench.verbs._answers import answer_flags

EXAMPLES = """\
  wizard.py doctor --bundle pytorch                     with the newest release, on this machine
  wizard.py doctor --bundle pytorch --release 2026a --python 3.12
  wizard.py doctor --bundle pytorch --driver 535.104.05     for another machine's driver
"""
_DRIVER_FILE = "/proc/driver/nvidia/version"
# A driver that hangs lets nvidia-smi hang too.
_SECONDS = 60
_HINT = "fix the driver, or name one with --driver"
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `doctor`."""
    answer_flags(parser, ("bundle",), required=True)
    answer_flags(parser, ("release",), about="{} (default: the newest)")
    answer_flags(parser, ("python",), about="{} (default: the release's, or the bundle's first)")
    parser.add_argument("--driver", metavar="VERSION", help="driver of the GPU machine (default: this machine's)")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what the doctor finds; 1 when something will not work."""
    catalogue = open_catalogue(args.catalog)
    answers = defaults(catalogue, {"release": args.release} if args.release else {})
    view = at_release(catalogue, answers["release"])
    view.refuse_broken("bundle", args.bundle)
    bundles = view.bundles
    bundle = bundles[pick(args.bundle, bundles, "bundle")]
    pythons = [version for folder in bundle.pythons if (version := python_version(folder))]
    usual = answers.get("python", "")
    python = args.python or (usual if usual in pythons or not pythons else pythons[0])
    if args.driver and not _VERSION.fullmatch(args.driver):
        raise UsageError(f"{args.driver!r} is no driver version", hint="write it as 580.65.06")
    machine = GpuMachine(driver=args.driver) if args.driver else this_machine()
    found = diagnose(catalogue, answers["release"], bundle.name, python, machine)
    wrong = any(finding.state == WRONG for finding in found)
    if args.json:
        report = {
            "release": answers["release"],
            "bundle": bundle.name,
            "python": python,
            "machine": asdict(machine),
            "findings": [asdict(finding) for finding in found],
            "works": not wrong,
        }
        print(json.dumps(report, indent=2))
    else:
        known = f"driver {machine.driver}" if machine.driver else "no NVIDIA driver on this machine"
        known += f", oldest GPU of compute capability {machine.capability}" if machine.capability else ""
        print(folded(f"bundle {bundle.name}, Python {python}, release {answers['release']}; {known}"), end="\n\n")
        print(columns(("", "about", "says"), [(finding.state, finding.about, finding.says) for finding in found]))
    return EXIT_USER if wrong else EXIT_OK


def this_machine() -> GpuMachine:
    """Return the driver of this machine and its oldest GPU's compute capability, as far as they can be found.

    Raises WorkbenchError when nvidia-smi is installed and fails: a broken driver is worth knowing about.
    """
    driver = ""
    try:
        with open(_DRIVER_FILE) as file:
            # "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  …", or "… Open Kernel Module for x86_64 …"
            match = _VERSION.search(file.readline())
            driver = match[0] if match else ""
    except OSError:
        pass
    if (program := shutil.which("nvidia-smi")) is None:
        return GpuMachine(driver=driver)
    command = [program, "--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkbenchError(f"nvidia-smi does not respond: {error}", hint=_HINT) from None
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise WorkbenchError(
            f"nvidia-smi failed: {output[-1] if output else done.returncode}",
            hint=_HINT,
        )
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    capabilities = sorted((row[1] for row in rows if len(row) > 1 and _VERSION.fullmatch(row[1])), key=version_key)
    return GpuMachine(driver=rows[0][0] if rows else driver, capability=capabilities[0] if capabilities else "")
