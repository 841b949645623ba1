"""Why a build failed: each line as a tool writes it, with what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import wizard
from tests.engine import Engine
from tests.images.recipes import TAG, recipe
from workbench.images.causes import CauseFinder, place_of

PIP_RETRY = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NameResolutionError(\"HTTPSConnection"
    "(host='index.example.com', port=443): Failed to resolve 'index.example.com' ([Errno -3] Temporary failure in name "
    "resolution)\")': /simple/attrs/"
)
LINES = {
    "E: Unable to locate package libgdal99": "the operating system has no package libgdal99",
    "E: Package 'python3-nose' has no installation candidate": "has no package python3-nose any more",
    "E: Version '9.9' for 'curl' was not found": "the operating system has no version 9.9 of curl",
    "Error: Unable to find a match: gdal-lib": "the operating system has no package gdal-lib",
    "No match for argument: gdal-lib": "the operating system has no package gdal-lib",
    "ERROR: No matching distribution found for attrs==99.1": "the Python index has no attrs==99.1 for this Python",
    "ERROR: Failed building wheel for rasterio": "rasterio has no wheel for this Python and system",
    "ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.": (
        "the Python packages exclude each other"
    ),
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": "is not the one that was locked",
    "  cause: Because there is no version of attrs==99.1 and you require attrs==99.1, we can conclude that": (
        "the Python index has no attrs==99.1 for this Python"
    ),
    "  cause: Because no-such was not found in the package registry and you require no-such==1": "has no no-such",
    "  cause: Because tensorflow==2.4.0 has no wheels with a matching Python ABI tag (e.g., `cp311`) and you": (
        "tensorflow==2.4.0 has no wheel for this Python and system"
    ),
    "error: Hash-checking is required, but no trusted hash was provided for: `charset-normalizer`": (
        "charset-normalizer is in no list of locked packages"
    ),
    "error: In `--require-hashes` mode, all requirements must have a hash, but none were provided for: attrs==99.1": (
        "attrs==99.1 has no hash in its list"
    ),
    "  cause: Hash mismatch for `idna==3.10`": "is not the one that was locked",
    "  cause: failed to lookup address information: Name or service not known": "the network failed",
    "/bin/sh: 1: uv: not found": "the base image has no uv",
    "Err:1 http://archive.example.com bookworm InRelease Temporary failure resolving 'archive.example.com'": (
        "the name archive.example.com is not known to this machine"
    ),
    "curl: (6) Could not resolve host: files.example.com": "the name files.example.com is not known to this machine",
    PIP_RETRY: "the name index.example.com is not known to this machine",
    "npm ERR! network request failed, reason: getaddrinfo EAI_AGAIN registry.example.com": "the network failed",
    "curl: (28) Failed to connect: Connection timed out": "the network failed",
    "curl: (18) transfer closed with 1048576 bytes remaining to read": "a download ended in the middle",
    "× Download failed because not enough bytes were received (9.4 MB/17.5 MB)": "a download ended in the middle",
    "pip._vendor.urllib3.exceptions.IncompleteRead: IncompleteRead(1236 bytes read, 1672 more expected)": (
        "a download ended in the middle"
    ),
    "  cause: request or response body error": "a download ended in the middle",
    "E: Failed to fetch http://archive.example.com/x.deb  503  Service Unavailable [IP: 192.0.2.1 80]": (
        "the server that has the packages failed"
    ),
    "Received HTTP code 407 from proxy after CONNECT: Proxy Authentication Required": "the proxy refused",
    "OSError: [Errno 28] No space left on device": "the disk is full",
    "E: You don't have enough free space in /var/cache/apt/archives/.": "the disk is full",
    "c++: fatal error: Killed signal terminated program cc1plus": "the memory of this machine was not enough",
    'Error: building at STEP "RUN make": while running runtime: exit status 137': "the memory of this machine",
    "E: List directory /var/lib/apt/lists/partial is missing. - Acquire (13: Permission denied)": "permission was",
    "/bin/sh: 1: gcc: not found": "there is no command gcc in the image",
    "bash: line 1: cmake: command not found": "there is no command cmake in the image",
    "W: GPG error: the following signatures couldn't be verified: NO_PUBKEY 0E98404D386FA1D9": "what its signature",
}


def cause_of(*lines: str) -> str:
    finder = CauseFinder()
    for line in lines:
        finder.read(line)
    cause = finder.cause("/nowhere")
    return cause.says if cause else ""


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_output_explains_the_failure(line: str) -> None:
    assert LINES[line] in cause_of("Reading package lists...", line, "Error: exit status 100")


def test_what_explains_the_rest_counts() -> None:
    lines = [PIP_RETRY, "ERROR: No matching distribution found for attrs==99.1"]
    assert cause_of(*lines) == cause_of(*reversed(lines)) == cause_of(PIP_RETRY)
    assert cause_of("all is well", "Step 3 failed") == ""
    # The instruction of the step that failed says nothing of why.
    assert (
        cause_of("Error: building at STEP \"RUN grep 'Permission denied' x\": while running runtime: exit status 1")
        == ""
    )


def test_what_an_earlier_step_wrote_is_no_cause() -> None:
    finder = CauseFinder()
    finder.read("cat: x: Permission denied")
    finder.forget()
    assert finder.cause("/nowhere") is None


def test_a_package_is_named_where_the_catalogue_requests_it(tmp_path: Path, engine: Engine) -> None:
    run = "RUN echo 'E: Unable to locate package libgdal99' >&2; exit 100\n"
    folder = recipe(tmp_path, engine, run)
    catalogue = tmp_path / "catalogue"
    (catalogue / "bundles/1-plain/py311/Pipfile").write_text('[packages]\n"Attrs" = "*"\n')
    pipfile = f"{catalogue}/bundles/1-plain/py311/Pipfile"
    assert place_of("attrs", "25.1.0", "requirements", str(folder), str(catalogue)) == f"{pipfile}:2"
    assert place_of("attrs", "25.1.0", "requirements", str(folder), "/nowhere") == f"{folder}/requirements-editor.txt:1"
    assert place_of("numpy", "", "requirements", str(folder), str(catalogue)) == ""
    done = wizard("build", folder, "--log-dir", tmp_path / "logs", "--catalog", catalogue)
    assert done.returncode == 1
    *_, error, hint = done.stderr.splitlines()
    assert error.startswith(
        f"error: the operating system has no package libgdal99: building {TAG} failed with exit code 100 in step 5 of "
    )
    assert hint.startswith("  hint: correct its name or take it out; ") and "the whole log is " in hint


@pytest.mark.thorough
def test_real_package_managers_are_understood(store: Engine, engine: Engine, tmp_path: Path) -> None:
    """What a shell really says; package managers have their test in tests/e2e/test_failures.py."""
    folder = recipe(tmp_path, engine, "RUN gcc --version\n")
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert "error: there is no command gcc in the image: building " in done.stderr
    folder = recipe(tmp_path / "other", engine, "RUN touch /etc/x\n")
    done = wizard("build", folder, "--log-dir", tmp_path / "logs")
    assert "error: permission was denied: building " in done.stderr
