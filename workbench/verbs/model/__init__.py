"""`wizard.py model`: from a cog.yaml to an image that answers predictions."""

from __future__ import annotations

import argparse

from workbench.verbs.subverbs import add_subverbs, run_subverb

EXAMPLES = """\
  wizard.py model init mymodel              write a cog.yaml and a predict.py that work
  wizard.py model check mymodel             every fault with its line; what is requested and what it gets
  wizard.py model run mymodel -i image=@photo.jpg -o big.png   one prediction
  wizard.py model serve mymodel             predictions over HTTP, until Ctrl-C
  wizard.py model exec --folder mymodel python     a command in its environment
  wizard.py model build mymodel             the image; its packages as model.lock has them
  wizard.py model build mymodel --weightless   on monobase: no package in the image
  wizard.py model inspect localhost/models/mymodel:latest
"""

SUBVERBS = {
    "init": "write a cog.yaml and a predict.py that work",
    "check": "name every fault of a model, or show what it gets",
    "build": "build the image of a model",
    "run": "one prediction: build it when it has changed, start it, send inputs, write what comes out",
    "serve": "answer predictions until Ctrl-C: build it when it has changed, start it",
    "train": "one training, as run does a prediction: send inputs, write what comes out",
    "exec": "run a command in the environment of a model, on the folder's files",
    "push": "push the image to a registry: build it when it has changed",
    "inspect": "show the model of an image or a folder",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a subverb and leave the rest to it."""
    add_subverbs(parser, SUBVERBS)


def run(args: argparse.Namespace) -> int:
    """Run the subverb."""
    return run_subverb("model", SUBVERBS, args)
