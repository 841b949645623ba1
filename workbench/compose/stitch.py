"""Stitching: the sections of a recipe in their order, and the files that they copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from workbench.catalog.faults import Faults
from workbench.catalog.parts import SNIPPET, variants
from workbench.catalog.reader import BASE_SNIPPET
from workbench.catalog.unavailable import lists_of
from workbench.catalog.values import Catalogue
from workbench.compose.files import recipe_files
from workbench.compose.index_mounts import variables_by_list, with_index_mounts
from workbench.compose.layered import FOLDER, LIST, STEM, DividedLists, divided_lists, with_layers
from workbench.compose.placeholders import renamed, substitute
from workbench.compose.recipe import CONTAINERFILE, MANIFEST, Recipe, RecipeFile, Section, manifest_text
from workbench.compose.resolve import ResolvedSelection
from workbench.compose.started import with_executables
from workbench.errors import UsageError, WorkbenchError

_HEADER = """\
# {tag}
# Composed by workbench-images; recipe.toml beside this file says from what. Each section names the
# catalogue file it comes from: change that one, not this one, and compose again.
"""


def compose(resolved: ResolvedSelection) -> Recipe:
    """Return the recipe for `resolved`: the same bytes for the same catalogue, wherever and whenever.

    Raises WorkbenchError for a snippet that cannot be read or rendered and two catalogue files that want one
    place in the folder, and UsageError for a base image without its registry: which one is meant would then
    depend on the machine that builds. `workbench.compose.checks` tests whether the result can be built.
    """
    if not resolved.image:
        base = resolved.base.name
        raise UsageError(
            f"the base image {base!r} does not name its registry",
            hint=f"write docker.io/library/{base}, localhost/{base} or wherever it lives",
        )
    values = placeholder_values(resolved)
    inputs: dict[str, str] = {}
    divided = divided_lists(resolved, inputs)
    parts = [
        (title, origin, renamed(_section_text(resolved, values, origin, inputs), LIST, name or LIST))
        for title, origin, name in _sections(resolved, divided)
    ]
    files = with_layers(recipe_files(resolved, inputs), divided)
    lists = variables_by_list(
        {path: file.data.decode(errors="replace") for path, file in files.items() if _is_list(path, divided)}
    )
    text = _HEADER.format(tag=resolved.tag)
    sections = []
    for title, origin, snippet in parts:
        body = _with_indexes(origin, snippet, lists)
        text += f"\n# === {title} ({origin})\n"
        exact = body == snippet and not origin.endswith(".j2")
        sections.append(Section(title, origin, body, text.count("\n") + 1, exact))
        text += body.rstrip("\n") + "\n"
    files = with_executables(text, files)
    files[CONTAINERFILE] = RecipeFile(text.encode(), False, "")
    manifest = manifest_text(resolved.selection, str(resolved.tag), resolved.image, inputs, files)
    files[MANIFEST] = RecipeFile(manifest.encode(), False, "")
    return Recipe(resolved, tuple(sections), dict(sorted(files.items())), inputs)


def placeholder_values(resolved: ResolvedSelection) -> Mapping[str, str]:
    """Return what each placeholder stands for (reference: recipes, section 4)."""
    tag = resolved.tag
    return {
        "APP_BUNDLE_NAME": tag.bundle,
        "BASE_IMAGE": resolved.image,
        "CUDA": f"{tag.prefix}-" if tag.prefix else "",
        "DATE": tag.date,
        "IDE_NAME": tag.ide,
        "IMAGE_TYPE": resolved.ide.image_type,
        "OS_VERSION": tag.os,
        "PYTHON_FOLDER": f"python{resolved.selection.python}",
        "PYTHON_VERSION": tag.python,
        "RELEASE": tag.release,
    }


def _sections(resolved: ResolvedSelection, divided: DividedLists) -> Iterator[tuple[str, str, str]]:
    """Yield the sections in the order of the design, as title and catalogue file; a part that is not there yields none.

    That of a layer of large packages has the name of the layer's list too, where others have "".
    """
    catalogue, bundle, ide, os = resolved.catalogue, resolved.bundle, resolved.ide, resolved.system.name
    if path := catalogue.variant(bundle.builder, os):
        yield f"Builder stage of the bundle {bundle.name}", path, ""
    if path := catalogue.variant(ide.builder, os):
        yield f"Builder stage of the IDE {ide.name}", path, ""
    yield "Base image", generic_path(catalogue, os, BASE_SNIPPET, "base"), ""
    if lists_of(catalogue, bundle, os):
        path = generic_path(catalogue, os, "bundles", "os_packages")
        yield f"Operating system packages of the bundle {bundle.name}", path, ""
    if path := catalogue.variant(bundle.custom, os):
        yield f"The bundle {bundle.name}", path, ""
    for layer in divided.bundle:
        path = generic_path(catalogue, os, FOLDER, STEM)
        yield f"Python packages of the bundle {bundle.name} from {layer.megabytes} MB on", path, layer.name
    if resolved.lists in bundle.pythons:
        path = generic_path(catalogue, os, "bundles", "python_packages")
        yield f"Python packages of the bundle {bundle.name}", path, ""
    if lists_of(catalogue, ide, os):
        path = generic_path(catalogue, os, "ides", "os_packages_ide")
        yield f"Operating system packages of the IDE {ide.name}", path, ""
    for layer in divided.ide:
        path = generic_path(catalogue, os, FOLDER, STEM)
        yield f"Python packages of the IDE {ide.name} from {layer.megabytes} MB on", path, layer.name
    if path := catalogue.variant(ide.snippet, os):
        yield f"The IDE {ide.name}", path, ""
    else:
        raise WorkbenchError(f"has no {ide.name}.snippet for {os}", where=ide.folder)
    if resolved.base.accelerator and _has_generic(catalogue, os, BASE_SNIPPET, "accelerator"):
        yield "Accelerator", generic_path(catalogue, os, BASE_SNIPPET, "accelerator"), ""
    if _has_generic(catalogue, os, BASE_SNIPPET, "labels"):
        # Labels hold the date and the names: anywhere earlier they would cost every cached layer.
        yield "Labels", generic_path(catalogue, os, BASE_SNIPPET, "labels"), ""


def _is_list(path: str, divided: DividedLists) -> bool:
    name = path.rpartition("/")[2]
    return path in divided.names or (name.startswith("requirements") and name.endswith(".txt"))


def _with_indexes(origin: str, body: str, lists: Mapping[str, Sequence[str]]) -> str:
    try:
        return with_index_mounts(body, lists)
    except WorkbenchError as error:
        hint = "write it as a shell's command: RUN pip install -r …"
        raise WorkbenchError(error.message, where=f"{origin}:{error.where}", hint=hint) from None


def _generics(catalogue: Catalogue, folder: str, stem: str) -> dict[str, str]:
    faults = Faults()
    found = variants(folder, catalogue.tree.folder(folder)[1], stem, SNIPPET, faults)
    faults.raise_if_any(folder)
    return found


def _has_generic(catalogue: Catalogue, os: str, folder: str, stem: str) -> bool:
    return catalogue.variant(_generics(catalogue, folder, stem), os) is not None


def generic_path(catalogue: Catalogue, os: str, folder: str, stem: str) -> str:
    """Return the path of the shared snippet `stem` in `folder` that serves `os`.

    Raises WorkbenchError when there is none.
    """
    path = catalogue.variant(_generics(catalogue, folder, stem), os)
    if path is None:
        family = catalogue.systems[os].family
        raise WorkbenchError(
            f"no {stem}.snippet serves {os}",
            where=folder,
            hint=f"add {folder}/{stem}.{family}.snippet, or {stem}.snippet for every system",
        )
    return path


def _section_text(resolved: ResolvedSelection, values: Mapping[str, str], path: str, inputs: dict[str, str]) -> str:
    catalogue = resolved.catalogue

    def used(name: str) -> str:
        inputs[name] = catalogue.tree.digest(name)
        return catalogue.tree.text(name)

    def generic(folder: str, stem: str) -> str:
        shared = generic_path(catalogue, resolved.system.name, folder, stem)
        return _section_text(resolved, values, shared, inputs)

    if path.endswith(".j2"):
        from workbench.compose.templates import render

        return substitute(render(path, resolved, used, generic), values)
    return substitute(used(path), values)
