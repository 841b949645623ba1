"""Recipes whose command is a shell script of the test: real child processes, without an image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workbench.replicasets.builds.recipes import BuildPlan, Offer, Question
from workbench.replicasets.errors import Invalid

BUILDS = """
echo "[1/2] recipe lab" >&2
echo "[2/2] image lab:1" >&2
echo "STEP 1: FROM base" >&2
while [ ! -e "$1/go" ]; do sleep 0.02; done
echo "lab:1"
"""
FAILS = """
echo "[1/2] recipe lab" >&2
echo "[2/2] image lab:1" >&2
echo "error: RUN pip install nothing: exit status 1" >&2
exit 1
"""
# It does not end at SIGINT by itself, and neither does what it started.
STUBBORN = """
trap '' INT
echo "[1/1] image lab:1" >&2
sleep 600 &
echo $! > "$1/grandchild"
wait
wait
"""


class ScriptedRecipes:
    """One question, whose answer is the script."""

    def __init__(self, folder: Path, **scripts: str) -> None:
        self.folder, self._scripts = folder, scripts

    def questions(self, answers: Mapping[str, str]) -> tuple[Question, ...]:
        offers = (*(Offer(name, name.title(), "") for name in self._scripts), Offer("gpu", "Gpu", "needs CUDA"))
        given = answers.get("bundle", "")
        answer = given if given in self._scripts else next(iter(self._scripts))
        return (Question("bundle", "Bundle", "Which bundle?", answer, offers),)

    def plan(self, answers: Mapping[str, str]) -> BuildPlan:
        name = answers.get("bundle", next(iter(self._scripts)))
        if name not in self._scripts:
            raise Invalid(f"Bundle {name}: needs CUDA", field="bundle")
        return BuildPlan(f"lab-{name}", ("/bin/sh", "-c", self._scripts[name], "sh", str(self.folder)))
