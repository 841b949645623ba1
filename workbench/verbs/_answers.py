"""The flags that answer the questions, for every verb that takes some of them."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from workbench.catalog.questions import ANSWERS, QUESTIONS


def answer_flags(
    parser: argparse._ActionsContainer, names: Collection[str] = ANSWERS, *, required: bool = False, about: str = "{}"
) -> None:
    """Add a flag for each question in `names`; without an answer it is None.

    `about` is its help: {} stands for that of the question.
    """
    for question in QUESTIONS:
        if question.name in names:
            parser.add_argument(
                f"--{question.name}",
                metavar=question.metavar,
                required=required,
                help=about.format(question.help),
            )


def given_answers(args: argparse.Namespace, names: Collection[str] = ANSWERS) -> dict[str, str]:
    """Return the answers that flags in `names` give."""
    return {name: value for name in names if (value := getattr(args, name)) is not None}
