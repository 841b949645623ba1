"""The Containerfile of a model, from the templates in `models/`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from workbench.catalog.tree import CatalogueTree
from workbench.catalog.values import Catalogue
from workbench.compose.stitch import generic_path
from workbench.models.config import CogConfig, RunStep
from workbench.models.model import Model
from workbench.models.user_layer import USER_LAYER

FOLDER = "models"
_UMASK = "umask 0002\n"
_SERVER = ("python", "-m", "cog.server.http")
_TRAINING = (*_SERVER, "--x-mode", "train")
# Where the server wants the file of `observability.config` (cog 0.23.1, `cog/_trace.py`, checked 2026-11-30).
_TELEMETRY = "/.cog/telemetry.py"
_ON_MONOBASE = "/opt/monobase/monobase/exec.sh"


def containerfile(
    model: Model,
    templates: CatalogueTree,
    catalogue: Catalogue,
    os: str,
    *,
    requirements: bool,
    sources: bool = False,
    commits: bool = False,
) -> str:
    """Return the Containerfile of `model`; the flags say which kinds of packages are left to install."""
    config = model.config
    weightless = bool(model.base.generation)
    served = {"COG_PREDICT_TYPE_STUB": config.predict, "COG_TRAIN_TYPE_STUB": config.train}
    served["COG_MAX_CONCURRENCY"] = str(config.concurrency or "")
    served |= {f"COG_TRACE_{key.removeprefix('trace_').upper()}": value for key, value in config.traces.items()}
    served["COG_TRACE_CONFIGURED"] = "true" if config.traces else ""
    served["COG_OBSERVABILITY_CONFIG"] = _TELEMETRY if config.traces_config else ""
    served |= model.base.variables
    packages = ""
    if config.build.system_packages and not weightless:
        packages = catalogue.tree.text(generic_path(catalogue, os, "bundles", "os_packages")).rstrip("\n")
    name = "weightless.Containerfile.j2" if weightless else "Containerfile.j2"
    return _rendered(
        templates.text(f"{FOLDER}/{name}"),
        {
            "name": model.name,
            "python": model.resolved.python,
            "generation": model.base.generation,
            "environment_name": model.base.environment,
            "user_layer": USER_LAYER,
            "base": model.base.image,
            "interpreter": model.resolved.interpreter,
            "system_packages": config.build.system_packages,
            "os_packages": packages,
            "pre_install": config.build.pre_install,
            "requirements": requirements,
            "sources": sources,
            "commits": commits,
            "environment": _variables(config.environment),
            "run_steps": config.build.run,
            "served": _variables({key: value for key, value in served.items() if value}),
            "run": _run,
            "telemetry": f"src/{config.traces_config} {_TELEMETRY}" if config.traces_config else "",
            "command": json.dumps(list(_SERVER if config.predict else _TRAINING)),
        },
    )


def training_command(config: CogConfig, *, weightless: bool = False) -> list[str]:
    """Return the command with which an image trains, [] for one that does not.

    The server either predicts or trains (cog 0.23.1, `cog/server/http.py`, checked 2026-11-30), and runs several at
    once only of what is async: one training at a time, whatever `concurrency` says of predictions.
    """
    if not config.train:
        return []
    alone = ["env", "COG_MAX_CONCURRENCY=1"] if config.concurrency > 1 else []
    return [*([_ON_MONOBASE] if weightless else []), *alone, *_TRAINING]


def _rendered(template: str, names: Mapping[str, object]) -> str:
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    return re.sub(r"\n{3,}", "\n\n", environment.from_string(template).render(names))


def _run(step: RunStep) -> str:
    """Return a RUN instruction; in JSON form, for a command may have line breaks and quotes of its own."""
    mounts = "".join(f"{flag} " for flag in step.flags)
    mounts += "".join(f"--mount=type=secret,id={mount.id},target={mount.target} " for mount in step.mounts)
    # What a step leaves stays writable for the group 0, as everything else.
    return f"RUN {mounts}{json.dumps(['/bin/sh', '-ec', _UMASK + step.command])}"


def _variables(values: Mapping[str, str]) -> str:
    return " \\\n    ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: str) -> str:
    """Return a value that ENV takes as it is: no variable in it is replaced."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'
