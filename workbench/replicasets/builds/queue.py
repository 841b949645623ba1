"""Who builds what: one build of an owner at a time, the others wait in the order they came."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from workbench.replicasets.builds.process import BuildLog, BuildProcess
from workbench.replicasets.builds.recipes import Question, Recipes
from workbench.replicasets.errors import Conflict, Exhausted, Forbidden, NotFound
from workbench.replicasets.values import Caller, Role

# Builds that run side by side, those of one owner that are not over, and those that are over and kept.
AT_ONCE = 2
MOST_OPEN = 5
MOST_KEPT = 10
# How many of the last bytes of a log a failure's reason is looked for in.
_TAIL = 8192


class BuildState(StrEnum):
    """How a build stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = (BuildState.QUEUED, BuildState.RUNNING)


@dataclass(frozen=True, slots=True)
class Build:
    """A build as it stands.

    `step` is what it does, or did last, the `at`th of `steps`. `ahead` is how many builds begin before it while it
    waits. `image` is what came of it; `reason` is why it failed. Times are seconds since 1970, 0 for not yet.
    """

    number: int
    owner: str
    title: str
    state: BuildState = BuildState.QUEUED
    step: str = ""
    at: int = 0
    steps: int = 0
    ahead: int = 0
    image: str = ""
    reason: str = ""
    made: float = 0.0
    began: float = 0.0
    ended: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will change."""
        return self.state not in OPEN


class Builds:
    """The builds of a service; `folder` is theirs alone, and what an earlier service left there is removed.

    `role` is the one that may build: administrators alone, or whoever operates. `check_image` raises when a built image
    is not where sets are run. Nothing here outlives the service.
    """

    def __init__(
        self,
        recipes: Recipes,
        folder: str,
        role: Role = Role.OPERATE,
        at_once: int = AT_ONCE,
        check_image: Callable[[str], None] = lambda image: None,
    ) -> None:
        self._recipes, self._folder, self._role, self._at_once = recipes, folder, role, at_once
        self._check_image = check_image
        self._lock = threading.RLock()
        self._builds: dict[int, Build] = {}
        self._processes: dict[int, BuildProcess] = {}
        self._threads: set[threading.Thread] = set()
        self._last, self._closed = 0, False
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder, mode=0o700)

    def refusal(self, caller: Caller) -> str:
        """Return why `caller` may not build, "" if it may."""
        if caller.role is Role.ADMIN or (caller.role is Role.OPERATE and self._role is Role.OPERATE and caller.name):
            return ""
        return f"the token {caller.name} may not build images here"

    def questions(self, answers: Mapping[str, str], caller: Caller) -> tuple[Question, ...]:
        """Return what can be chosen after `answers`; raises Forbidden."""
        self._allow(caller)
        return self._recipes.questions(answers)

    def start(self, answers: Mapping[str, str], caller: Caller) -> Build:
        """Queue a build of the answers; raises Forbidden, Invalid for an answer, Exhausted for too many."""
        self._allow(caller)
        plan = self._recipes.plan(answers)
        with self._lock:
            if self._closed:
                raise Conflict("the service ends")
            mine = [each for each in self._builds.values() if each.owner == caller.name]
            if sum(not each.is_over for each in mine) >= MOST_OPEN:
                raise Exhausted(
                    f"{MOST_OPEN} builds of {caller.name} wait or run already", hint="cancel one, or wait for its end"
                )
            for each in [each for each in mine if each.is_over][: -MOST_KEPT + 1]:
                self._remove(each.number)
            self._last = number = self._last + 1
            folder = os.path.join(self._folder, str(number))
            os.mkdir(folder, mode=0o700)
            process = BuildProcess(plan.command, folder, lambda *step: self._stepped(number, *step))
            open(process.log, "wb").close()
            self._processes[number] = process
            self._builds[number] = Build(number, caller.name, plan.title, made=time.time())
            self._begin()
        return self.build(number, caller)

    def builds(self, caller: Caller) -> list[Build]:
        """Return the builds that `caller` may see, newest first: its own; an administrator sees all."""
        with self._lock:
            return [self._counted(each) for each in reversed(self._builds.values()) if caller.may_change(each.owner)]

    def build(self, number: int, caller: Caller) -> Build:
        """Return a build that `caller` may see; raises NotFound for another's too."""
        with self._lock:
            found = self._builds.get(number)
            if found is None or not caller.may_change(found.owner):
                raise NotFound(f"there is no build {number}")
            return self._counted(found)

    def log(self, number: int, caller: Caller) -> BuildLog:
        """Return the log of a build, that it follows until the build is over; raises NotFound."""
        self.build(number, caller)
        return BuildLog(self._processes[number].log, lambda: self._is_over(number))

    def cancel(self, number: int, caller: Caller) -> Build:
        """Have a build end; raises NotFound, and Conflict when it is over."""
        with self._lock:
            found = self.build(number, caller)
            if found.is_over:
                raise Conflict(f"build {number} is over")
            if found.state is BuildState.QUEUED:
                self._change(number, state=BuildState.CANCELLED, ended=time.time())
            else:
                self._change(number, reason="cancelled")
            self._processes[number].cancel()
        return self.build(number, caller)

    def close(self) -> None:
        """End all builds, and wait for them."""
        with self._lock:
            self._closed = True
            for number, each in self._builds.items():
                if each.state is BuildState.QUEUED:
                    self._change(number, state=BuildState.CANCELLED, ended=time.time())
                elif not each.is_over:
                    self._change(number, reason="cancelled")
                    self._processes[number].cancel()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _allow(self, caller: Caller) -> None:
        if reason := self.refusal(caller):
            raise Forbidden(reason, hint="the operator decides it: `serve --builds`")

    def _begin(self) -> None:
        """Begin what may begin now: with the lock."""
        running = [each for each in self._builds.values() if each.state is BuildState.RUNNING]
        owners = {each.owner for each in running}
        for each in list(self._builds.values()):
            if self._closed or len(owners) >= self._at_once:
                return
            if each.state is BuildState.QUEUED and each.owner not in owners:
                owners.add(each.owner)
                self._change(each.number, state=BuildState.RUNNING, began=time.time())
                thread = threading.Thread(target=self._run, args=(each.number,), name=f"build-{each.number}")
                self._threads.add(thread)
                thread.start()

    def _run(self, number: int) -> None:
        process, image, reason = self._processes[number], "", ""
        try:
            code, image = process.run()
            if code:
                reason = self._reason(number)
            elif image:
                self._check_image(image)
            else:
                reason = "the build named no image"
        except Exception as error:
            reason = str(error) or type(error).__name__
        with self._lock:
            cancelled = self._builds[number].reason == "cancelled"
            state = BuildState.CANCELLED if cancelled else BuildState.FAILED if reason else BuildState.DONE
            ended = "" if cancelled or not reason else reason
            made = image if state is BuildState.DONE else ""
            self._change(number, state=state, image=made, reason=ended, ended=time.time())
            self._threads.discard(threading.current_thread())
            self._begin()

    def _reason(self, number: int) -> str:
        """Return which step failed, and what the log has as the error."""
        with open(self._processes[number].log, "rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error:")]
        last = (errors or lines or ["it wrote nothing"])[-1].removeprefix("error:").strip()
        step = self._builds[number].step
        return f"{step}: {last}"[:1000] if step else last[:1000]

    def _stepped(self, number: int, step: str, at: int, steps: int) -> None:
        with self._lock:
            self._change(number, step=step, at=at, steps=steps)

    def _change(self, number: int, **fields: object) -> None:
        self._builds[number] = replace(self._builds[number], **fields)  # type: ignore[arg-type]

    def _is_over(self, number: int) -> bool:
        with self._lock:
            found = self._builds.get(number)
            return found is None or found.is_over

    def _counted(self, build: Build) -> Build:
        if build.state is not BuildState.QUEUED:
            return build
        ahead = sum(not each.is_over for each in self._builds.values() if each.number < build.number)
        return replace(build, ahead=ahead)

    def _remove(self, number: int) -> None:
        del self._builds[number], self._processes[number]
        shutil.rmtree(os.path.join(self._folder, str(number)), ignore_errors=True)
