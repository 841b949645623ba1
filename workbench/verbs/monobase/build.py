"""`monobase build`: build generations and the cog layer below a prefix."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from workbench.commands import here
from workbench.errors import EXIT_OK, EXIT_USER, FaultsError, UsageError
from workbench.verbs.monobase.options import (
    cog_options,
    data_option,
    grace_option,
    jobs_option,
    label_option,
    metrics_option,
    mirror_option,
    prefix_option,
    range_options,
    size_option,
    skipped_option,
)

EXAMPLES = """\
  wizard.py monobase build --cog-versions 0.23.1              every generation, and one cog
  wizard.py monobase build --min-gen-id 2 --prune-old-gen     from 2 on; older ones go when nothing uses them
  wizard.py monobase build --no-cuda --skip-missing --allow-skipped      without GPUs, with the Pythons that are there
  wizard.py monobase build --mirror https://mirror.example/monobase@sha256:DIGEST        from there, else the index
  R8_PYTHON_VERSION=3.12 R8_TORCH_VERSION=2.14.1 R8_CUDA_VERSION=13.0 wizard.py monobase build --mini
"""


def python_options(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name the Pythons to build with."""
    parser.add_argument(
        "--python", metavar="X.Y=PATH", action="append", default=[], help="the Python X.Y to build with, by full path"
    )
    parser.add_argument(
        "--fetch-pythons", action="store_true", help="let uv fetch the Pythons that are missing, below the prefix"
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `build`."""
    prefix_option(parser)
    data_option(parser)
    range_options(parser)
    python_options(parser)
    cog_options(parser)
    parser.add_argument("--skip-missing", action="store_true", help="skip the environments of a Python that is missing")
    skipped_option(parser)
    parser.add_argument("--no-cuda", action="store_true", help="leave out environments with CUDA")
    parser.add_argument("--mini", action="store_true", help="only the environment that the R8_ variables name")
    parser.add_argument(
        "--prune-old-gen", action="store_true", help="then remove what is outside of the range and unused"
    )
    size_option(parser, "then prune the prefix down to this size: outside of the range, least recently used first")
    grace_option(parser)
    parser.add_argument(
        "--clean-uv-cache", action="store_true", help="then empty uv's cache: the store keeps what is used"
    )
    mirror_option(parser)
    parser.add_argument("--offline", action="store_true", help="fetch nothing, but from mirrors")
    parser.add_argument("--no-wait", action="store_true", help="fail when another builder has the prefix")
    jobs_option(parser)
    label_option(parser)
    metrics_option(parser)
    parser.add_argument(
        "--json", action="store_true", help="report as JSON; progress is a line of JSON for each event then"
    )


def run(args: argparse.Namespace) -> int:
    """Build what is missing; raises FaultsError with what could not be built, and with what was skipped."""
    from workbench.monobase.cog import build_cogs, cog_spec, newest_pythons
    from workbench.monobase.fill import FAILED, SKIPPED, UNLOCKED, FillRequest, fill, interpreters_for
    from workbench.monobase.install import Toolchain
    from workbench.monobase.interpreters import fetch, find, in_home, named_interpreters
    from workbench.monobase.label import label_text, write_label
    from workbench.monobase.leases import uses
    from workbench.monobase.metrics import metrics_text, write_metrics
    from workbench.monobase.mirror import MirrorAddress
    from workbench.monobase.mirrors import Mirrors
    from workbench.monobase.outcomes import keep_build
    from workbench.monobase.prefix import Prefix, builder
    from workbench.monobase.prune import PruneReport, prune
    from workbench.monobase.room import prune_to
    from workbench.monobase.select import active, is_outside, mini, no_cuda
    from workbench.monobase.sizes import current_sizes
    from workbench.monobase.status import unready
    from workbench.verbs.monobase.progress import FillProgress, JsonProgress
    from workbench.verbs.monobase.status import mebibytes

    by_name = named_interpreters(args.python)
    generations = active(Path(args.data), args.min_gen_id, args.max_gen_id)
    excluded = no_cuda if args.no_cuda else lambda _: ""
    if args.mini:
        if args.no_cuda or args.cog_versions:
            raise UsageError("--mini goes with neither --no-cuda nor --cog-versions", hint="set the R8_ variables")
        generations, excluded = mini(generations, os.environ)
    mini_cog = os.environ.get("R8_COG_VERSION") if args.mini else ""
    cogs = args.cog_versions or ([mini_cog] if mini_cog else [])
    addresses = [MirrorAddress.parse(text) for text in args.mirror]
    prefix = Prefix.at(args.prefix)
    total = sum(len(generation.environments) for generation in generations)
    wanted = sum(not excluded(one) for generation in generations for one in generation.environments)
    # What --mini leaves out is meant to be left out.
    allow_skipped = args.allow_skipped or args.mini

    def label() -> None:
        if args.node_label:
            write_label(args.node_label, label_text(prefix, generations, allow_skipped=allow_skipped))

    def metrics() -> None:
        if args.metrics_file:
            sizes = current_sizes(prefix)
            text = metrics_text(prefix, generations, allow_skipped=allow_skipped, sizes=sizes)
            write_metrics(args.metrics_file, text)

    began = time.time()
    with (
        (JsonProgress if args.json else FillProgress)(wanted) as progress,
        builder(prefix, wait=not args.no_wait, log=progress.log),
        ExitStack() as ending,
    ):
        # At once too: what an earlier build labelled the node with may no longer hold.
        label()
        ending.callback(label)
        ending.callback(metrics)
        uses(prefix)
        mirrors = Mirrors(addresses, progress.log)
        tools = Toolchain.at(prefix, offline=args.offline, jobs=args.jobs, mirrors=mirrors)
        for minor, path in by_name.items():
            if home := in_home(path):
                progress.log(f"Python {minor} is in {home}: only users who may enter it can run what is built with it")
        getter = (lambda full: fetch(prefix, tools.uv, full)) if args.fetch_pythons and not args.offline else None
        pythons, missing = interpreters_for(generations, lambda m: find(prefix, m, by_name), getter, excluded)
        if cogs:
            spec = cog_spec(cogs, args.default_cog_version, newest_pythons(generations))
            build_cogs(tools, spec, pythons, progress.log)
        request = FillRequest(generations, pythons, missing, excluded, args.skip_missing)
        outcomes = fill(tools, request, progress, args.jobs)
        keep_build(prefix, outcomes, mirrors.uses(), began)
        faults = [(f"{one.generation}/{one.environment}", one.reason) for one in outcomes if one.status == FAILED]
        reasons = unready(prefix, generations, allow_skipped=allow_skipped)
        pruned = PruneReport()
        old, grace = is_outside(args.min_gen_id, args.max_gen_id), args.grace * 60
        if not faults and not reasons and (args.prune_old_gen or args.max_size is not None):
            pruned = (
                prune(tools, old, grace=grace)
                if args.prune_old_gen
                else prune_to(tools, args.max_size, old, grace=grace)
            )
            if args.max_size is not None and pruned.left > args.max_size:
                progress.log(f"{prefix.root} takes {mebibytes(pruned.left)}, more than {mebibytes(args.max_size)}")
            for name in pruned.removed:
                progress.log(f"removed {name}")
            for name, reason in pruned.kept:
                progress.log(f"kept {name}: {reason}")
        if args.clean_uv_cache:
            shutil.rmtree(tools.uv.cache, ignore_errors=True)
    # Without a torch --mini builds cogs alone: there is no environment to be ready then.
    unready_reasons = reasons if args.node_label or not args.mini else []
    if args.json:
        listed = [{"where": where, "error": reason} for where, reason in unready_reasons]
        data = {"prefix": prefix.root, "ready": not reasons, "environments": [asdict(one) for one in outcomes]}
        data |= {"mirrors": [asdict(one) for one in mirrors.uses()]}
        print(json.dumps({**data, "faults": listed, "removed": pruned.removed, "kept": pruned.kept}, indent=2))
        return EXIT_USER if faults or unready_reasons else EXIT_OK
    if not faults:
        for one in mirrors.uses():
            print(f"{one.packages} packages, {mebibytes(one.bytes)}, from {one.location}")
        present = sum(one.status not in (SKIPPED, UNLOCKED) for one in outcomes)
        print(f"{present} of {total} environments are built below {prefix.root}, {total - present} skipped")
        if unlocked := [one for one in outcomes if one.status == UNLOCKED]:
            needed = ", ".join(sorted({name for one in generations for name in one.variables}))
            print(f"{len(unlocked)} more are declared and not locked: they need {needed}")
    _raise_if_any(prefix.root, faults, unready_reasons)
    return EXIT_OK


def _raise_if_any(root: str, faults: list[tuple[str, str]], reasons: list[tuple[str, str]]) -> None:
    """Raise FaultsError with what failed, else with why the generations are not ready."""
    if faults:
        raise FaultsError(
            f"{len(faults)} environments could not be built",
            faults,
            hint="fix that and run it again: what is built is not built again",
        )
    if reasons:
        skipped = any(why.startswith("was skipped") for _, why in reasons)
        accept = "--allow-skipped accepts those that were skipped; " if skipped else ""
        hint = f"{accept}`{here('monobase build')}` makes what is missing"
        raise FaultsError(f"{root} is not ready", reasons, hint=hint)
