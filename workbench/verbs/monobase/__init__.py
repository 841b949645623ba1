"""`wizard.py monobase`: generations of environments on a host, and what runs on them."""

from __future__ import annotations

import argparse

from workbench.verbs.subverbs import add_subverbs, run_subverb

EXAMPLES = """\
  wizard.py monobase build --cog-versions 0.23.1       fill the prefix with every generation
  wizard.py monobase ready                             are the active generations ready?
  wizard.py monobase exec -- python -c 'import torch'  run on the environment that the variables name
  monobase …                                           the same, inside the image
"""

SUBVERBS = {
    "monogen": "validate all generations",
    "update": "resolve generations and write their requirements",
    "diff": "show what changed between two generations",
    "build": "build generations and the cog layer below a prefix",
    "status": "show what a prefix holds",
    "ready": "check whether the active generations are ready (a readiness probe)",
    "metrics": "show what a prefix holds and whether it is whole, for Prometheus",
    "verify": "compare every file below a prefix with what was installed",
    "repair": "repair what verify finds",
    "prune": "remove what is unused",
    "publish": "pack what a prefix holds, for other nodes to fill themselves from",
    "pin": "let models that name no generation get this one, whatever is built",
    "rollback": "let models that name no generation get the one before",
    "activate": "print the environment that the variables name, for a shell or as JSON",
    "exec": "run a command on the environment that the variables name",
    "user": "install a user's requirements as the third layer",
    "cog": "install a cog that no build has installed, beside the prefix",
    "image": "build the image of the daemon and of models on a base image",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a subverb and leave the rest to it."""
    add_subverbs(parser, SUBVERBS)


def run(args: argparse.Namespace) -> int:
    """Run the subverb."""
    return run_subverb("monobase", SUBVERBS, args)
