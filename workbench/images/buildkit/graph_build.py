"""Building an image as a graph of BuildKit: its recipe is read, its bases are inspected, and its graph is solved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from workbench.compose.recipe import CONTAINERFILE
from workbench.containerfile.build_plan import BuildPlan
from workbench.containerfile.reader import Source, read
from workbench.images.buildkit.graph.downloads import managers
from workbench.images.buildkit.graph.emit import CONTEXT, Emitter, Fork, StepContext
from workbench.images.buildkit.llb.capabilities import missing
from workbench.images.buildkit.llb.client import Daemon
from workbench.images.buildkit.llb.failures import MissingCapabilityError
from workbench.images.buildkit.llb.gateway import BuildResult, Gateway, Ref
from workbench.images.buildkit.llb.joins import report
from workbench.images.buildkit.llb.joins.join import conflicts, join
from workbench.images.buildkit.llb.joins.strategy import JoinStrategy, choose
from workbench.images.buildkit.llb.marshal import marshal
from workbench.images.buildkit.llb.session.session import Session
from workbench.images.buildkit.llb.state import image as image_state
from workbench.images.buildkit.step_reporter import StepReporter
from workbench.images.context import exists, ignored
from workbench.images.network import Site
from workbench.images.probe.base import BaseInfo, inspect_base, names_in
from workbench.images.probe.cache import remembered
from workbench.images.probe.fit import check_fit, manifest_of
from workbench.images.probe.installed import without_installed
from workbench.images.request import BuildRequest

# What podman takes over from whoever calls it; BuildKit must be given them.
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
# How many paths are named that two sections both change.
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class GraphBuild:
    """One build: what is requested, what is available during it only, who receives its progress, and who does it.

    `network_mode` is that of the steps that name none ("" for the daemon's own choice).
    """

    request: BuildRequest
    site: Site
    steps: StepReporter
    network_mode: str
    daemon: Daemon

    def solve(self, gateway: Gateway) -> BuildResult:
        """Read the recipe, inspect what it stands on, and have its graph solved."""
        self.steps.note(self.daemon.describe(gateway))
        plan = self.plan(gateway)
        tree = cache(partial(self.tree, gateway))
        bases = self.bases(plan, gateway, tree)
        plan = self.without_installed(plan, bases, tree)
        strategy, why = choose(self.daemon.capabilities(), shell=all(base.compares for base in bases.values()))
        context = self.step_context(bases)
        joined = Emitter(
            plan, replace(context, join=lambda fork: join(fork.base, fork.branches, strategy, name=fork.name))
        )
        state = joined.state()
        self.steps.expect(joined.titles)
        for fork in joined.forks:
            self.steps.note(f"{fork.name}: they are built at the same time; {why}")
        definition = marshal(state)
        for capability, step in missing(definition, self.daemon.capabilities()).items():
            raise MissingCapabilityError(
                f"the BuildKit at {self.daemon.address} cannot do {step}: it does not have {capability}",
                capability,
                hint="use BuildKit 0.25 or later, or leave it out",
            )
        ref = gateway.solve(definition)
        if self.conflict(gateway, joined.forks, strategy):
            one_by_one = Emitter(plan, context)
            ref = gateway.solve(marshal(one_by_one.state()))
        return BuildResult(ref, dict(plan.stages[-1].config))

    def plan(self, gateway: Gateway) -> BuildPlan:
        """Return what the Containerfile amounts to on the bases that the daemon has or can get."""
        source = Source(
            self.request.text,
            os.path.join(self.request.folder, CONTAINERFILE),
            partial(exists, self.request.folder),
            arguments=self.request.arguments,
            variables=self.site.variables,
            labels=self.request.labels,
        )
        plan = read(source, lambda image: gateway.image_config(image)[1])
        for name in plan.unused_arguments:
            self.steps.note(f"the argument {name} is declared by no ARG, and changes nothing")
        return plan

    def tree(self, gateway: Gateway, image: str) -> Ref:
        """Return the files of an image."""
        return gateway.solve(marshal(image_state(image, name=f"the image {image}")))

    def bases(self, plan: BuildPlan, gateway: Gateway, tree: Callable[[str], Ref]) -> Mapping[str, BaseInfo]:
        """Return what each image that stages stand on has; raises WorkbenchError when the recipe's does not fit it."""
        recipe = manifest_of(self.request.folder)
        found = {}
        for image in dict.fromkeys(plan.stages[number].base.image for number in plan.needed()):
            if not image:
                continue
            config = gateway.image_config(image)[1]
            inspect = partial(_inspected, image, tree, config)
            base = found[image] = remembered(image, config, inspect) if self.request.cache else inspect()
            self.steps.note(f"inspected {image}: {base}")
            if recipe is not None and image == recipe.image:
                check_fit(recipe, base)
        return found

    def without_installed(
        self, plan: BuildPlan, bases: Mapping[str, BaseInfo], tree: Callable[[str], Ref]
    ) -> BuildPlan:
        """Return the plan without the lists of packages that its base has installed."""
        image = plan.stages[-1].base.image
        if image not in bases or not self.request.cache:
            return plan
        plan, notes = without_installed(
            plan, bases[image], self.request.folder, lambda folder: names_in(tree(image), folder)
        )
        for line in notes:
            self.steps.note(line)
        return plan

    def conflict(self, gateway: Gateway, forks: Sequence[Fork], strategy: JoinStrategy) -> bool:
        """Return whether sections that were built at the same time changed the same path, and note which."""
        found = False
        for fork in forks:
            report_state = conflicts(fork.base, fork.branches, strategy, name=fork.name)
            if report_state is None:
                continue
            count, listed = report.read(gateway.solve(marshal(report_state)).read_file(report.FILE))
            for conflict in listed[:_SHOWN]:
                self.steps.note(conflict.sentence(fork.sections))
            if count:
                self.steps.note(f"{count} paths are changed by both, so the sections are built one after the other")
            found |= count > 0
        return found

    def step_context(self, bases: Mapping[str, BaseInfo]) -> StepContext:
        """Return what all steps have, during the build only."""
        return StepContext(
            network=self.network_mode,
            proxies={
                name: value for name in _PROXIES if (value := os.environ.get(name) or os.environ.get(name.upper()))
            },
            variables=self.site.variables,
            secrets={inside: os.path.basename(inside) for inside in self.site.files},
            downloads=self.request.cache,
            kinds={image: base.kind for image, base in bases.items()},
            groups={image: base.groups for image, base in bases.items()},
            looked_up=frozenset(image for image, base in bases.items() if base.has_groups),
            fresh=not self.request.cache,
            merges="mergeop" in self.daemon.capabilities(),
            ignored=ignored(self.request.folder),
            shared_key=os.path.abspath(self.request.folder),
        )

    def session(self, output: str = "") -> Session:
        """Return what the daemon may have from us: the recipe's folder, and the site's files."""
        secrets: dict[str, str | bytes] = {os.path.basename(inside): here for inside, here in self.site.files.items()}
        secrets |= {**self.site.secrets, **self.request.secrets}
        for manager in managers():
            if manager.file:
                secrets[os.path.basename(manager.file)] = _with_settings_of(manager.text, manager.variables, self.site)
        return Session(files={CONTEXT: self.request.folder}, secrets=secrets, agents=self.request.agents, output=output)


def _inspected(image: str, tree: Callable[[str], Ref], config: Mapping[str, Any]) -> BaseInfo:
    return inspect_base(image, tree(image), config)


def _with_settings_of(text: str, variables: Mapping[str, str], site: Site) -> bytes:
    """Return a manager's file, with what is in the site's one whose place it takes: a variable names only one."""
    for name in variables:
        if here := site.files.get(site.variables.get(name, "")):
            with open(here, encoding="utf-8") as file:
                text = file.read() + text
    return text.encode()
