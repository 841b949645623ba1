"""Rendering `.snippet.j2` files. Jinja2 is imported here only, when there is one to render."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from workbench.compose.placeholders import renamed
from workbench.compose.resolve import ResolvedSelection
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from jinja2 import Environment

# Looks a generic snippet up by its folder and stem, and returns its text for the chosen system.
Generic = Callable[[str, str], str]
# Returns the text of a catalogue file, and remembers that the recipe was made from it.
Used = Callable[[str], str]


def render(path: str, resolved: ResolvedSelection, used: Used, generic: Generic) -> str:
    """Return the template at `path` rendered for a recipe.

    The template sees os, base, cuda, python, release, bundle and ide, and the macros
    install_os_packages(list), install_python_packages(requirements) and fix_permissions(folder).
    Raises WorkbenchError, with the line, for an unknown name and for anything else Jinja2 refuses.
    """
    import jinja2

    environment = _environment(used)
    try:
        template = jinja2.Template.from_code(environment, _code(used(path)), environment.make_globals(None))
        return template.render(_names(resolved), **_macros(generic))
    except jinja2.TemplateSyntaxError as error:
        where = f"snippets/{error.name}" if error.name else path
        raise WorkbenchError(f"the template cannot be read: {error.message}", where=f"{where}:{error.lineno}") from None
    except jinja2.TemplateError as error:
        raise WorkbenchError(f"the template fails: {error.message}", where=f"{path}:{_line(error)}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise WorkbenchError(f"the template fails: {error}", where=f"{path}:{_line(error)}") from None


def _environment(used: Used | None = None) -> Environment:
    """Return what compiles templates, and with `used` renders them: it loads what they include."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        loader=jinja2.FunctionLoader(lambda name: used(f"snippets/{name}")) if used else None,
    )


# Compiling takes most of the time that a rendering takes, and a catalogue has few templates for its many recipes.
@functools.lru_cache(maxsize=64)
def _code(text: str) -> CodeType:
    return _environment().compile(text)


def _names(resolved: ResolvedSelection) -> dict[str, Any]:
    release, system, bundle, ide = resolved.release, resolved.system, resolved.bundle, resolved.ide
    return {
        "os": SimpleNamespace(name=system.name, display=system.display, family=system.family),
        "base": SimpleNamespace(name=resolved.base.name, accelerator=resolved.base.accelerator),
        "cuda": dict(release.cuda) if resolved.base.cuda else {},
        "python": resolved.selection.python,
        "release": SimpleNamespace(
            name=release.name,
            date=resolved.selection.date,
            cuda=dict(release.cuda),
            tools=_tools(resolved),
        ),
        "bundle": SimpleNamespace(
            name=bundle.name, display=bundle.label(resolved.base.lists), provides=bundle.rules.provides
        ),
        "ide": SimpleNamespace(
            name=ide.name,
            display=ide.display,
            image_type=ide.image_type,
            extensions=tuple(str(each) for each in resolved.extensions),
        ),
    }


def _tools(resolved: ResolvedSelection) -> dict[str, dict[str, str]]:
    """Return what the release pins of each tool for the chosen system; a tool that it has none for is left out."""
    found = {}
    for name, pins in resolved.release.tools.items():
        if variant := next((kind for kind in resolved.catalogue.variants(resolved.system.name) if kind in pins), None):
            found[name] = dict(pins[variant])
    return found


def _macros(generic: Generic) -> dict[str, Callable[..., str]]:
    def install_os_packages(packages: str = "os-packages.txt") -> str:
        return renamed(generic("bundles", "os_packages"), "os-packages.txt", packages).rstrip("\n")

    def install_python_packages(requirements: str = "requirements.txt") -> str:
        return renamed(generic("bundles", "python_packages"), "requirements.txt", requirements).rstrip("\n")

    def fix_permissions(folder: str = "/opt/app-root") -> str:
        return renamed(generic("snippets/macros", "fix_permissions"), "/opt/app-root", folder).rstrip("\n")

    return {
        "install_os_packages": install_os_packages,
        "install_python_packages": install_python_packages,
        "fix_permissions": fix_permissions,
    }


def _line(error: BaseException) -> int:
    """Return the template's line that an error came from: Jinja2 rewrites its frames for that."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
