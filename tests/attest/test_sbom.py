from __future__ import annotations

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.attest.installed import parse_packages
from workbench.attest.package import Package
from workbench.attest.sbom import sbom, with_lock

TAG = "jupyter-minimal-bookworm-py311_2026a_20261122"
A = "a" * 64
ANSWERS = {
    "python": [
        {"name": "Jupyter_Lab", "version": "4.6", "licence": "BSD-3-Clause"},
        {"name": "", "version": "0", "licence": ""},
    ],
    "os": {
        "deb": [
            ["git", "1:2.39", "amd64", "installed"],
            ["gone", "1", "amd64", "config-files"],
        ]
    },
    "extensions": [],
    "release": {"ID": "debian", "VERSION_ID": "12"},
}
RPMS = {
    "python": [],
    "os": {"rpm": [["bash", "0", "5.1-9.el9", "x86_64", "GPLv3+"], ["bind", "32", "9-1", "x86_64", "MPLv2.0"]]},
    "extensions": [],
    "release": {"ID": "centos", "VERSION_ID": "9"},
}


def test_what_a_debian_image_answers() -> None:
    deb = Package("deb", "git", "1:2.39", "debian", (("arch", "amd64"), ("distro", "debian-12")))
    python = Package("pypi", "jupyter-lab", "4.6", licence="BSD-3-Clause")
    assert parse_packages(json.dumps(ANSWERS)) == [deb, python]


def test_what_an_image_of_rpms_answers() -> None:
    purls = [each["purl"] for each in json.loads(sbom(TAG, parse_packages(json.dumps(RPMS))))["components"]]
    assert purls == [
        "pkg:rpm/centos/bash@5.1-9.el9?arch=x86_64&distro=centos-9",
        "pkg:rpm/centos/bind@9-1?arch=x86_64&distro=centos-9&epoch=32",
    ]


def test_installed_packages_get_the_hashes_of_their_lock_and_no_other() -> None:
    installed = [Package("pypi", "one", "1"), Package("pypi", "two", "3"), Package("deb", "one", "1")]
    locked = [
        Package("pypi", name, version, hashes=(A,), origins=("r.txt",))
        for name, version in (("one", "1"), ("two", "2"))
    ]
    assert with_lock(installed, locked) == [locked[0], *installed[1:]]


def test_the_document_names_what_when_and_of_which_kind() -> None:
    built, planned = (json.loads(sbom(TAG, [], image_id=identity)) for identity in (f"sha256:{A}", ""))
    assert built["metadata"]["timestamp"] == "2026-11-22T00:00:00+00:00"
    assert built["metadata"]["component"]["version"] == TAG
    assert built["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": A}]
    assert built["metadata"]["lifecycles"] == [{"phase": "post-build"}]
    assert planned["metadata"]["lifecycles"] == [{"phase": "pre-build"}]
    assert built["serialNumber"] != planned["serialNumber"]
    assert sbom(TAG, [], image_id=A) == sbom(TAG, [], image_id=f"sha256:{A}")
    moving = json.loads(sbom(TAG.replace("20261122", "latest"), []))
    assert moving["metadata"]["timestamp"] == "1970-01-01T00:00:00+00:00"


NAME = st.from_regex(r"[ab1]([ab1.+-]{0,4}[ab1])?", fullmatch=True)
VERSION = st.text("ab1.+~:@ é&?", min_size=1, max_size=8)
VALID = JsonStrictValidator(SchemaVersion.V1_6)
PACKAGES = st.builds(
    Package,
    st.sampled_from(["pypi", "deb", "rpm", ""]),
    NAME,
    VERSION,
    licence=st.sampled_from(["", "MIT", "BSD License", "GPLv2+ and (more)", "Apache-2.0 OR MIT"]),
    hashes=st.sampled_from([(), (A,)]),
    origins=st.sampled_from([(), ("requirements.txt",)]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(PACKAGES, unique_by=lambda package: (package.kind, package.name), max_size=5))
def test_whatever_the_packages_it_is_valid_whole_and_the_same_each_time(packages: list[Package]) -> None:
    text = sbom(TAG, packages)
    assert VALID.validate_str(text) is None
    assert sorted(each["name"] for each in json.loads(text).get("components", [])) == sorted(
        each.name for each in packages
    )
    assert sbom(TAG, packages) == text
