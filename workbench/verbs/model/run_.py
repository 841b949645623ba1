"""`model run`: one prediction."""

from __future__ import annotations

import argparse

from workbench.verbs.model.predicting import predict, predicting_options

EXAMPLES = """\
  wizard.py model run -i prompt="a cat" -i steps=20          of the model in this folder, built when it has changed
  wizard.py model run mymodel -i image=@photo.jpg -o big.png    a file in, a file out
  wizard.py model run mymodel -i tags=red -i tags=blue       a list
  cat text.txt | wizard.py model run mymodel -i text=@-      from standard input
  wizard.py model run localhost/models/mymodel:latest -i n=3 --json    of an image; the whole response
Without inputs, those that the model takes are listed where one must be given.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `run`."""
    predicting_options(parser)


def run(args: argparse.Namespace) -> int:
    """Send the prediction, write what comes out, and return 1 when the model failed."""
    return predict(args)
