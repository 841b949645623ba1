"""An image in the making with a BuildKit: its recipe read, what it stands on looked at, its graph solved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.build_plan import BuildPlan
from workbench.containerfile.reader import Source, read
from workbench.images.builder import BuildRequest
from workbench.images.buildkit.graph.downloads import managers
from workbench.images.buildkit.graph.emit import CONTEXT, Emitter, Fork, Lent
from workbench.images.buildkit.llb.client import Daemon
from workbench.images.buildkit.llb.gateway import Answer, Gateway, Ref
from workbench.images.buildkit.llb.joins import report
from workbench.images.buildkit.llb.joins.how import How, choose
from workbench.images.buildkit.llb.joins.join import conflicts, join
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.state import image as image_state
from workbench.images.buildkit.steps import Steps
from workbench.images.context import exists, ignored
from workbench.images.network import Site
from workbench.images.probe.base import Base, look, names_in
from workbench.images.probe.cache import remembered
from workbench.images.probe.fit import check_fit, promised
from workbench.images.probe.installed import without_held

# What podman takes over from whoever calls it; BuildKit has to be told.
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
# How many paths are named that two sections both change.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Making:
    """One image in the making: what is asked for, what it is lent, who is told, who does it.

    `network` is that of the steps that ask for none ("" for the daemon's own choice).
    """

    request: BuildRequest
    lent: Site
    steps: Steps
    network: str
    daemon: Daemon

    def made(self, gateway: Gateway) -> Answer:
        """Read the recipe, look at what it stands on, and have its graph solved."""
        self.steps.say(self.daemon.describe(gateway))
        plan = self.plan(gateway)
        tree = cache(partial(self.tree, gateway))
        bases = self.bases(plan, gateway, tree)
        plan = self.without_held(plan, bases, tree)
        how, why = choose(self.daemon.capabilities(), shell=all(base.compares for base in bases.values()))
        loan = self.loan(bases)
        joined = Emitter(plan, replace(loan, join=lambda fork: join(fork.base, fork.branches, how, name=fork.name)))
        state = joined.state()
        self.steps.expect(joined.titles)
        for fork in joined.forks:
            self.steps.say(f"{fork.name}: they are built at the same time; {why}")
        ref = gateway.solve(marshal(state))
        if self.clash(gateway, joined.forks, how):
            one_by_one = Emitter(plan, loan)
            ref = gateway.solve(marshal(one_by_one.state()))
        return Answer(ref, dict(plan.stages[-1].config))

    def plan(self, gateway: Gateway) -> BuildPlan:
        """Return what the Containerfile amounts to on the bases that the daemon has or can get."""
        source = Source(
            self.request.text,
            os.path.join(self.request.folder, CONTAINERFILE),
            partial(exists, self.request.folder),
            arguments=self.request.arguments,
            variables=self.lent.variables,
            labels=self.request.labels,
        )
        plan = read(source, lambda image: gateway.image_config(image)[1])
        for name in plan.unused_arguments:
            self.steps.say(f"the argument {name} is declared by no ARG, and changes nothing")
        return plan

    def tree(self, gateway: Gateway, image: str) -> Ref:
        """Return the files of an image."""
        return gateway.solve(marshal(image_state(image, name=f"the image {image}")))

    def looked(self, image: str, tree: Callable[[str], Ref], config: Mapping[str, Any]) -> Base:
        """Return what an image's files and its `config` say."""
        return look(image, tree(image), config)

    def bases(self, plan: BuildPlan, gateway: Gateway, tree: Callable[[str], Ref]) -> Mapping[str, Base]:
        """Return what each image that stages stand on says; raises WorkbenchError when the recipe's does not fit it."""
        recipe = promised(self.request.folder)
        found = {}
        for image in dict.fromkeys(plan.stages[number].base.image for number in plan.needed()):
            if not image:
                continue
            config = gateway.image_config(image)[1]
            ask = partial(self.looked, image, tree, config)
            base = found[image] = remembered(image, config, ask) if self.request.cache else ask()
            self.steps.say(f"looked at {image}: {base}")
            if recipe is not None and image == recipe.image:
                check_fit(recipe, base)
        return found

    def without_held(self, plan: BuildPlan, bases: Mapping[str, Base], tree: Callable[[str], Ref]) -> BuildPlan:
        """Return the plan without the lists of packages that its base holds already."""
        image = plan.stages[-1].base.image
        if image not in bases or not self.request.cache:
            return plan
        plan, said = without_held(plan, bases[image], self.request.folder, lambda folder: names_in(tree(image), folder))
        for line in said:
            self.steps.say(line)
        return plan

    def clash(self, gateway: Gateway, forks: Sequence[Fork], how: How) -> bool:
        """Return whether sections that were built at the same time changed the same path, and say which."""
        found = False
        for fork in forks:
            told = conflicts(fork.base, fork.branches, how, name=fork.name)
            if told is None:
                continue
            count, listed = report.read(gateway.solve(marshal(told)).read_file(report.FILE))
            for conflict in listed[:_SHOWN]:
                self.steps.say(conflict.sentence(fork.sections))
            if count:
                self.steps.say(f"{count} paths are changed by both, so the sections are built one after the other")
            found |= count > 0
        return found

    def loan(self, bases: Mapping[str, Base]) -> Lent:
        """Return what the steps are lent."""
        return Lent(
            network=self.network,
            proxies={
                name: value for name in _PROXIES if (value := os.environ.get(name) or os.environ.get(name.upper()))
            },
            variables=self.lent.variables,
            secrets={inside: os.path.basename(inside) for inside in self.lent.files},
            downloads=self.request.cache,
            kinds={image: base.kind for image, base in bases.items()},
            groups={image: base.groups for image, base in bases.items()},
            looked_up=frozenset(image for image, base in bases.items() if base.has_groups),
            fresh=not self.request.cache,
            ignored=ignored(self.request.folder),
            shared_key=os.path.abspath(self.request.folder),
        )

    def session(self, output: str = "") -> Session:
        """Return what the daemon may have of us: the recipe's folder, and the files that are lent."""
        secrets: dict[str, str | bytes] = {os.path.basename(inside): here for inside, here in self.lent.files.items()}
        secrets |= self.request.secrets
        for manager in managers():
            if manager.file:
                secrets[os.path.basename(manager.file)] = _with_lent(manager.text, manager.variables, self.lent)
        return Session(files={CONTEXT: self.request.folder}, secrets=secrets, output=output)


def _with_lent(text: str, variables: Mapping[str, str], lent: Site) -> bytes:
    """Return a manager's file, with what is in the lent one whose place it takes: a variable names only one."""
    for name in variables:
        if here := lent.files.get(lent.variables.get(name, "")):
            with open(here, encoding="utf-8") as file:
                text = file.read() + text
    return text.encode()
