from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.catalogues import ANSWERS, RELEASE, make_catalogue, selection
from workbench.catalog.reader import read_catalogue
from workbench.compose.possible import compose_checked
from workbench.compose.resolve import resolve
from workbench.compose.stitch import compose
from workbench.errors import UsageError, WorkbenchError

FULL = {
    "bundles/1-plain/builder/builder.snippet": "FROM ${BASE_IMAGE} AS builder\nCOPY built.txt /built.txt\n",
    "bundles/1-plain/builder/files/built.txt": "built\n",
    "bundles/1-plain/os/os-packages.txt": "git\n",
    "bundles/1-plain/os/os-packages.bookworm.txt": "git-core\n",
    "bundles/1-plain/custom/custom.snippet": (
        "COPY --from=builder /built.txt /\nCOPY tools/ /tools/\nENV DATE=today\nRUN $DATE\n"
    ),
    "bundles/1-plain/custom/files/tools/tool.sh": "#!/bin/sh\n",
    "bundles/1-plain/custom/files/.hidden": "not copied\n",
    "ides/1-editor/os/os-packages.txt": "nano\n",
}

EXPECTED = """\
# editor-plain-c9s-py311_2026a_20261122
# Composed by workbench-images; recipe.toml beside this file says from what. Each section names the
# catalogue file it comes from: change that one, not this one, and compose again.

# === Builder stage of the bundle plain (bundles/1-plain/builder/builder.snippet)
FROM localhost/workbench-images:base-c9s-py311_2026a_20261122 AS builder
COPY built.txt /built.txt

# === Base image (snippets/base/base.snippet)
FROM localhost/workbench-images:base-c9s-py311_2026a_20261122
LABEL release="2026a"

# === Operating system packages of the bundle plain (bundles/os_packages.snippet)
USER 0
COPY os-packages.txt ./
RUN install os-packages.txt

# === The bundle plain (bundles/1-plain/custom/custom.snippet)
COPY --from=builder /built.txt /
COPY tools/ /tools/
ENV DATE=today
RUN $DATE

# === Python packages of the bundle plain (bundles/python_packages.snippet)
USER 1001
COPY requirements.txt ./
RUN pip install python3.11

# === Operating system packages of the IDE editor (ides/os_packages_ide.snippet)
USER 0
COPY os-ide/os-packages.txt ./
RUN install os-packages.txt

# === The IDE editor (ides/1-editor/editor.snippet)
USER 1001
COPY start.sh /opt/app-root/bin/
WORKDIR /opt/app-root/src
CMD /opt/app-root/bin/start.sh
"""


def test_every_section_in_its_place(tmp_path: Path) -> None:
    recipe = compose_checked(read_catalogue(str(make_catalogue(tmp_path, FULL))), selection())
    assert recipe.containerfile == EXPECTED
    assert {path: (file.executable, file.origin) for path, file in recipe.files.items()} == {
        "Containerfile": (False, ""),
        "built.txt": (False, "bundles/1-plain/builder/files/built.txt"),
        "os-ide/os-packages.txt": (False, "ides/1-editor/os/os-packages.txt"),
        "os-packages.txt": (False, "bundles/1-plain/os/os-packages.txt"),
        "recipe.toml": (False, ""),
        "requirements-editor.txt": (False, "bundles/1-plain/py311/requirements-editor.txt"),
        "requirements.txt": (False, "bundles/1-plain/py311/requirements.txt"),
        "start.sh": (True, "ides/1-editor/files/start.sh"),
        "tools/tool.sh": (True, "bundles/1-plain/custom/files/tools/tool.sh"),
    }


def test_a_list_for_one_system_goes_before_the_plain_one(tmp_path: Path) -> None:
    recipe = compose(resolve(read_catalogue(str(make_catalogue(tmp_path, FULL))), selection(os="bookworm")))
    assert recipe.files["os-packages.txt"].data == b"git-core\n"


def test_a_family_serves_its_systems(tmp_path: Path) -> None:
    files = {
        "base/bookworm/os.toml": 'family = "debian"\n',
        "ides/1-editor/editor.snippet": None,
        "ides/1-editor/editor.debian.snippet": "USER 1001\nCOPY start.sh /deb\nWORKDIR /opt/app-root/src\n",
    }
    catalogue = read_catalogue(str(make_catalogue(tmp_path, files)))
    assert "COPY start.sh /deb" in compose(resolve(catalogue, selection(os="bookworm"))).containerfile
    with pytest.raises(WorkbenchError, match=r"has no editor\.snippet for c9s"):
        compose(resolve(catalogue, selection()))


def test_the_runtime_needs_no_list_of_another_ide(tmp_path: Path) -> None:
    recipe = compose_checked(read_catalogue(str(make_catalogue(tmp_path))), selection(ide="runtime"))
    assert list(recipe.files) == ["Containerfile", "recipe.toml", "requirements.txt"]


def test_a_list_that_the_snippet_names_comes_along(tmp_path: Path) -> None:
    snippet = "USER 1001\nCOPY requirements-editor.txt ./\nWORKDIR /opt/app-root/src/\n"
    catalogue = read_catalogue(str(make_catalogue(tmp_path, {"ides/2-runtime/runtime.snippet": snippet})))
    assert "requirements-editor.txt" in compose_checked(catalogue, selection(ide="runtime")).files


def test_the_manifest_records_what_the_recipe_was_made_from(tmp_path: Path) -> None:
    recipe = compose(resolve(read_catalogue(str(make_catalogue(tmp_path, FULL))), selection()))
    data = tomllib.loads(recipe.files["recipe.toml"].data.decode())
    assert data["tag"] == "editor-plain-c9s-py311_2026a_20261122"
    assert data["selection"] == dict(ANSWERS)
    assert data["inputs"] == dict(recipe.inputs)
    assert {"snippets/base/base.snippet", "bundles/python_packages.snippet"} < set(data["inputs"])
    assert set(data["files"]) == set(recipe.files) - {"recipe.toml"}
    assert not any("bookworm" in path for path in data["inputs"])


def test_two_files_that_want_one_place(tmp_path: Path) -> None:
    files = {"bundles/1-plain/custom/custom.snippet": "COPY start.sh /\n"}
    same = {**files, "bundles/1-plain/custom/files/start.sh": "#!/bin/sh\nexec editor\n"}
    compose(resolve(read_catalogue(str(make_catalogue(tmp_path, same))), selection()))
    other = {**files, "bundles/1-plain/custom/files/start.sh": "#!/bin/sh\n"}
    with pytest.raises(WorkbenchError, match=r"custom/files/start.sh both want to be start.sh") as caught:
        compose(resolve(read_catalogue(str(make_catalogue(tmp_path, other))), selection()))
    assert caught.value.where == "ides/1-editor/files/start.sh"


def test_a_file_may_not_take_the_recipes_own_place(tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, {"ides/1-editor/files/Containerfile": "FROM scratch\n"})
    with pytest.raises(WorkbenchError, match="takes the place of the recipe's own Containerfile"):
        compose(resolve(read_catalogue(str(folder)), selection()))


def test_a_foreign_base(tmp_path: Path) -> None:
    catalogue = read_catalogue(str(make_catalogue(tmp_path)))
    recipe = compose(resolve(catalogue, selection(base="quay.io/acme/cuda-12:mytag")))
    assert "FROM quay.io/acme/cuda-12:mytag\n" in recipe.containerfile
    assert str(recipe.tag).startswith("cuda-editor-")
    with pytest.raises(UsageError, match="does not name its registry"):
        compose(resolve(catalogue, selection(base="ubuntu:24.04")))


def test_an_ide_may_have_a_builder_stage_and_use_what_is_shared(tmp_path: Path) -> None:
    folder = make_catalogue(
        tmp_path,
        {
            "ides/1-editor/ide.toml": 'uses = ["front"]\n',
            "ides/1-editor/builder/builder.bookworm.snippet.j2": (
                "FROM ${BASE_IMAGE} AS editor-builder\nCOPY patch.txt /\n"
                'RUN make {{ release.tools["editor"].version }}\n'
            ),
            "ides/1-editor/builder/files/patch.txt": "patch\n",
            "snippets/front/files/front.py": "start()\n",
            "snippets/front/not-copied.txt": "not copied\n",
            "releases/2026a.toml": RELEASE + '[tools.editor.bookworm]\nversion = "1.2"\n',
        },
    )
    recipe = compose_checked(read_catalogue(str(folder)), selection(os="bookworm"))
    assert [section.title for section in recipe.sections[:2]] == ["Builder stage of the IDE editor", "Base image"]
    assert (
        "FROM localhost/workbench-images:base-bookworm-py311_2026a_20261122 AS editor-builder\n" in recipe.containerfile
    )
    assert "RUN make 1.2\n" in recipe.containerfile
    assert {"patch.txt", "front/front.py", "start.sh"} < set(recipe.files)
    assert recipe.files["front/front.py"].origin == "snippets/front/files/front.py"
    assert not [path for path in recipe.files if "not-copied" in path]
    assert "Builder" not in compose_checked(read_catalogue(str(folder)), selection(os="c9s")).containerfile


def test_a_tool_that_is_not_pinned_for_the_system_is_an_error(tmp_path: Path) -> None:
    folder = make_catalogue(
        tmp_path,
        {
            "ides/1-editor/editor.snippet": None,
            "ides/1-editor/editor.snippet.j2": 'USER 1001\nRUN get {{ release.tools["editor"].version }}\n',
            "releases/2026a.toml": RELEASE + '[tools.editor.bookworm]\nversion = "1.2"\n',
        },
    )
    with pytest.raises(WorkbenchError, match="has no attribute 'editor'"):
        compose(resolve(read_catalogue(str(folder)), selection(os="c9s")))
