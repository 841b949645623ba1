"""`model train`: one training."""

from __future__ import annotations

import argparse

from workbench.verbs.model.predicting import predict, predicting_options

EXAMPLES = """\
  wizard.py model train -i data=@texts.zip -i steps=100      by `train` of this folder's cog.yaml
  wizard.py model train mymodel -i data=@texts.zip -o weights/
  wizard.py model train localhost/models/mymodel:latest -i steps=3 --json    of an image; the whole response
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `train`."""
    predicting_options(parser)


def run(args: argparse.Namespace) -> int:
    """Send the training, write what comes out, and return 1 when the model failed."""
    return predict(args, path="/trainings", kind="Training")
