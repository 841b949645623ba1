"""Known holes: advisories in OSV's format from a folder, an archive and the API, and the release's own rows."""

from __future__ import annotations

import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.command import wizard
from tests.release.index import Index
from tests.release.test_freeze import catalogue_with_locks, frozen
from workbench.catalog.reader import read_catalogue
from workbench.commands import here
from workbench.errors import FaultsError, WorkbenchError
from workbench.release.advisories import local, public
from workbench.release.audit import holes, lock_pins
from workbench.release.check import check
from workbench.release.osv import advisories_of

OSV: dict[str, dict[str, object]] = {
    "GHSA-aaaa": {
        "id": "GHSA-aaaa",
        "aliases": ["CVE-2025-1"],
        "summary": "One",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "Be_Ta"},
                "ranges": [
                    {"type": "GIT", "events": [{"introduced": "0"}]},
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.9"}]},
                    {"type": "ECOSYSTEM", "events": [{"fixed": "2.3.10"}, {"introduced": "2.0a1"}]},
                ],
            }
        ],
    },
    "PYSEC-1": {
        "id": "PYSEC-1",
        "aliases": ["CVE-2025-1", "GHSA-aaaa"],
        "affected": [{"package": {"ecosystem": "PyPI", "name": "be-ta"}, "versions": ["2.3.1"]}],
    },
    "GHSA-gone": {
        "id": "GHSA-gone",
        "withdrawn": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "be-ta"}, "versions": ["2.3.1"]}],
    },
    "GHSA-npm": {"id": "GHSA-npm", "affected": [{"package": {"ecosystem": "npm", "name": "be-ta"}}]},
    "GHSA-last": {
        "id": "GHSA-last",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "alpha"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0.1"}, {"last_affected": "1.1"}]}],
            }
        ],
    },
}
# A lock that spells the package in another way than the advisories do.
LOCKED: dict[str, str | None] = {
    f"bundles/1-plain/py311/{name}": text
    for name, text in Index()
    .lock(
        '[packages]\nBe_Ta = "~=2.3.1"\n\n[editor]\nalpha = "*"\n',
        {"packages": {"be.ta": "2.3.1"}, "editor": {"alpha": "1.0.0"}},
    )
    .items()
}
FAULT = "be-ta 2.3.1 has GHSA-aaaa (CVE-2025-1), fixed in 2.3.10"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A catalogue whose lock of py311 has be-ta 2.3.1, spelt in another way."""
    return catalogue_with_locks(tmp_path, LOCKED)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    for name, document in OSV.items():
        path = tmp_path / "osv" / "PyPI" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    return tmp_path / "osv"


def archives(database: Path) -> list[Path]:
    packed, tar = database.parent / "all.zip", database.parent / "all.tar.gz"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in database.rglob("*.json"):
            archive.write(path, path.name)
    with tarfile.open(tar, "w:gz") as archive:
        archive.add(database, "osv")
    return [database, packed, tar]


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.8", True), ("1.9", False), ("2.0a1", True), ("2.3.9", True), ("2.3.10", False), ("2.3.10rc1", True)],
)
def test_which_versions_an_advisory_is_about(version: str, expected: bool) -> None:
    (advisory,) = advisories_of(OSV["GHSA-aaaa"], "x")
    assert advisory.affects(version) is expected
    assert advisory.package == "be-ta"


def test_the_last_affected_version_is_affected() -> None:
    (advisory,) = advisories_of(OSV["GHSA-last"], "x")
    assert [advisory.affects(version) for version in ("1.0.0", "1.0.1", "1.1", "1.1.1")] == [False, True, True, False]
    assert advisory.fixed_in("1.1") == ""


def test_a_hole_is_found_once_whatever_the_source_and_the_spelling(folder: Path, database: Path) -> None:
    pinned = lock_pins(read_catalogue(str(folder)), "2026a")
    for source in archives(database):
        assert [each.message for each in holes(pinned, local(str(source)))] == [FAULT]
    done = wizard("audit", "--catalog", folder, "--advisories", database, "--json")
    assert done.returncode == 1, done.stderr
    findings = json.loads(done.stdout)["findings"]
    assert [(each["where"], each["fixed"]) for each in findings] == [("bundles/1-plain/py311", "2.3.10")]
    assert f"{FAULT}: `{here(f'--catalog {folder} lock --bundle plain --python 3.11 --force')}`" in done.stderr


def test_without_a_source_nothing_is_promised(folder: Path) -> None:
    done = wizard("audit", "--catalog", folder)
    assert done.returncode == 1
    assert "not checked" in done.stderr
    done = wizard("release", "check", "2026a", "--catalog", folder)
    assert done.returncode == 0, done.stderr
    assert "known holes: not checked" in done.stdout
    assert "keeps its promise" not in done.stdout


def test_release_check_with_advisories_and_its_cure(tmp_path: Path, database: Path) -> None:
    folder = frozen(tmp_path, LOCKED)
    catalogue = read_catalogue(str(folder))
    faults = check(catalogue, "2026a", "2026-11-22", local(str(database))).faults
    assert faults == (("releases/2026a/bundles/1-plain/py311", f"{FAULT}: `{here('release update 2026a')}`"),)
    (database / "PyPI" / "GHSA-aaaa.json").unlink()
    (database / "PyPI" / "PYSEC-1.json").unlink()
    done = wizard("release", "check", "2026a", "--catalog", folder, "--advisories", database)
    assert done.returncode == 0, done.stderr
    assert "keeps its promise" in done.stdout
    assert f"no known hole (3 advisories of {database})" in done.stdout


def test_rows_of_the_release_are_checked_when_read_and_named_when_no_lock_has_the_package(folder: Path) -> None:
    path = folder / "releases/2026a.toml"
    text = path.read_text()
    row = '\n[[security]]\npackage = "%s"\nfixed = "%s"\nadvisory = "T-1"\n'
    for package, fixed, message in (("be_ta", "soon", "no version"), ("be ta", "2.0", "no name of a Python package")):
        path.write_text(text + row % (package, fixed))
        with pytest.raises(FaultsError) as raised:
            read_catalogue(str(folder))
        assert message in raised.value.faults[0][1]
    path.write_text(text + row % ("URLLib3", "2.6.3"))
    assert any(
        "urllib3, which no lock has" in note for note in check(read_catalogue(str(folder)), "2026a", "2026-11-22").notes
    )


def test_tools_are_named_by_their_age(folder: Path) -> None:
    path = folder / "releases/2026a.toml"
    tools = '\n[tools.code.c9s]\nversion = "4.89.1"\nreleased = "2024-05-24"\n[tools.new.c9s]\nversion = "2"\n'
    tools += 'released = "2026-10-01"\n[tools.other.c9s]\nversion = "1"\n'
    path.write_text(path.read_text() + tools)
    notes = check(read_catalogue(str(folder)), "2026a", "2026-11-22").notes
    assert any(note.startswith("code 4.89.1 for c9s is of 2024-05-24, 912 days old") for note in notes)
    assert any(note.startswith("other 1 for c9s: its age is not known") for note in notes)
    assert not any("new 2" in note for note in notes)
    path.write_text(path.read_text().replace("2026-10-01", "yesterday"))
    with pytest.raises(FaultsError, match="1 fault"):
        read_catalogue(str(folder))


def test_an_sbom_of_an_image(tmp_path: Path, database: Path) -> None:
    sbom = tmp_path / "image.cdx.json"
    components = [{"name": "Be_Ta", "purl": "pkg:pypi/be-ta@2.3.1"}, {"name": "tar", "purl": "pkg:deb/debian/tar@1"}]
    sbom.write_text(json.dumps({"bomFormat": "CycloneDX", "components": components}))
    done = wizard("audit", sbom, "--advisories", database)
    assert done.returncode == 1
    assert FAULT in done.stderr
    assert "1 components are no packages of Python, and were not checked" in done.stderr
    sbom.write_text("{}")
    done = wizard("audit", sbom, "--advisories", database)
    assert done.returncode == 1
    assert "is no SBOM in CycloneDX's JSON" in done.stderr


@pytest.mark.parametrize(("text", "message"), [("{", "is no JSON"), ("[]", "it has no id"), ('{"id": 3}', "has no id")])
def test_what_is_no_advisory_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(WorkbenchError, match=message) as raised:
        local(str(tmp_path))
    assert raised.value.where == str(tmp_path / "a.json")


def test_a_source_without_advisories_is_none(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="has no advisories"):
        local(str(tmp_path))
    with pytest.raises(WorkbenchError, match="cannot be read"):
        local(str(tmp_path / "gone.zip"))


@contextmanager
def api() -> Iterator[str]:
    """OSV's API on loopback: one result a page."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            self._send({"results": [self._result(query) for query in queries]})

        def _result(self, query: dict[str, object]) -> dict[str, object]:
            if query["package"] != {"name": "be-ta", "ecosystem": "PyPI"}:
                return {}
            if query.get("page_token"):
                return {"vulns": [{"id": "PYSEC-1"}]}
            return {"vulns": [{"id": "GHSA-aaaa"}], "next_page_token": "2"}

        def do_GET(self) -> None:
            self._send(OSV[self.path.rpartition("/")[2]])

        def _send(self, data: object) -> None:
            body = json.dumps(data).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_public_api_page_after_page(folder: Path) -> None:
    with api() as url:
        found = public({("be-ta", "2.3.1"), ("alpha", "1.0.0")}, url)
        assert [each.names[0] for each in found.by_package["be-ta"]] == ["GHSA-aaaa", "PYSEC-1"]
        assert [each.label for each in found.about("be-ta", "2.3.1")] == ["GHSA-aaaa (CVE-2025-1)"]
        done = wizard("audit", "--catalog", folder, "--online", env={"WORKBENCH_OSV_API": url})
    assert done.returncode == 1
    assert FAULT in done.stderr
    done = wizard("audit", "--catalog", folder, "--online", env={"WORKBENCH_OSV_API": url})
    assert done.returncode == 1
    assert "the database of advisories does not answer" in done.stderr
