"""Starts Jupyter with what the platform gives, and what it leaves open; start-notebook.sh says what is read."""

import os
import re
import sys
from collections.abc import Mapping, Sequence

# Other spellings of a setting that is given here too, as Jupyter Server 2 has them. The platform may use any.
SPELLINGS = {
    "--ip": "--ServerApp.ip",
    "--port": "--ServerApp.port",
    "--notebook-dir": "--ServerApp.root_dir",
    "--no-browser": "--ServerApp.open_browser",
    "--ServerApp.notebook_dir": "--ServerApp.root_dir",
    "--ServerApp.token": "--IdentityProvider.token",
}
HUB = "jupyterhub-singleuser"
# What images of others call it; JupyterHub's configuration may name these.
HUB_SCRIPTS = ("start-singleuser.sh", "start-singleuser.py")


def setting(word: str) -> str:
    """Return the setting that `word` is for in one spelling, "" when it is a value or a flag of another kind."""
    if not word.startswith("--"):
        return ""
    name = re.sub(r"^--(?:NotebookApp|LabApp)\.", "--ServerApp.", word.partition("=")[0])
    return SPELLINGS.get(name, name)


def without(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return `words` but for the settings that `others` has too: Jupyter refuses what it gets twice."""
    taken = {setting(word) for word in others} - {""}
    kept, keeps = [], True
    for word in words:
        if word.startswith("-"):
            keeps = setting(word) not in taken
        # A value in a word of its own goes where its setting goes.
        if keeps:
            kept.append(word)
    return kept


def by_platform(environ: Mapping[str, str]) -> bool:
    """Whether it is the platform that decides who gets in; raises SystemExit for a word that is none."""
    auth = environ.get("WORKBENCH_AUTH", "")
    if auth not in ("", "platform", "token"):
        sys.exit(f"start-notebook: WORKBENCH_AUTH is {auth!r}, and one of token, platform is needed")
    token = environ.get("WORKBENCH_TOKEN") or environ.get("JUPYTER_TOKEN")
    return auth == "platform" or (not auth and not token and environ.get("NB_PREFIX", "").strip("/") != "")


def defaults(environ: Mapping[str, str]) -> list[str]:
    """Return what Jupyter gets where the platform leaves it open."""
    words = [
        # Both families: a cluster may have IPv6 only.
        "--ServerApp.ip=*",
        f"--ServerApp.port={port(environ, 'NOTEBOOK_PORT') or '8888'}",
        f"--ServerApp.base_url={environ.get('NB_PREFIX') or environ.get('NOTEBOOK_BASE_URL') or '/'}",
        f"--ServerApp.root_dir={environ.get('NOTEBOOK_ROOT_DIR') or environ['HOME']}",
        "--ServerApp.open_browser=False",
    ]
    if by_platform(environ):
        words += ["--ServerApp.allow_origin=*", "--IdentityProvider.token="]
    return words


def port(environ: Mapping[str, str], name: str) -> str:
    """Return the port in `name`, "" where there is none.

    Kubernetes sets NOTEBOOK_PORT=tcp://… in a namespace with a service of the name notebook (service links,
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
    """
    text = environ.get(name, "")
    return text if re.fullmatch(r"[1-9][0-9]{0,4}", text) and int(text) < 65536 else ""


def command(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return what is run for the container's `arguments`: they win over NOTEBOOK_ARGS, and both over ours."""
    # At ASCII's white space only, as a shell does it.
    given = [word for word in re.split(r"[ \t\n]+", environ.get("NOTEBOOK_ARGS", "")) if word]
    if arguments and not arguments[0].startswith("-"):
        return [HUB if arguments[0] in HUB_SCRIPTS else arguments[0], *arguments[1:]]
    words = [*without(given, arguments), *arguments]
    if environ.get("JUPYTERHUB_API_TOKEN"):
        return [HUB, *words]
    return ["jupyter", "lab", *without(defaults(environ), words), *words]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Jupyter gets: the token in its own, and no port that is none."""
    found = dict(environ)
    # What runs in a notebook needs no token.
    token = found.pop("WORKBENCH_TOKEN", "")
    if token and environ.get("WORKBENCH_AUTH") != "platform":
        found.setdefault("JUPYTER_TOKEN", token)
    if not port(environ, "JUPYTER_PORT"):
        found.pop("JUPYTER_PORT", None)
    return found


if __name__ == "__main__":
    words = command(sys.argv[1:], os.environ)
    try:
        os.execvpe(words[0], words, environment(os.environ))
    except OSError as error:
        sys.exit(f"start-notebook: {words[0]} cannot be started: {error.strerror}")
