from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError
from workbench.images.network import Site, redacted, site

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CA = "/dev/workbench-ca.pem"
TRUST = (
    f"ARG PIP_CERT={CA} SSL_CERT_FILE={CA} REQUESTS_CA_BUNDLE={CA} "
    f"CURL_CA_BUNDLE={CA} NODE_EXTRA_CA_CERTS={CA} GIT_SSL_CAINFO={CA}"
)


def bundle(folder: Path, text: str = CERTIFICATE) -> str:
    file = folder / "site.pem"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def contents(network: Site) -> dict[str, str]:
    return {inside: Path(here).read_text() for inside, here in network.files.items()}


def test_nothing_given_changes_nothing() -> None:
    text = "FROM a\nRUN b"
    with site(environ={"PATH": "/bin", "SSL_CERT_FILE": "/etc/ssl/cert.pem"}) as network:
        assert (network.mounts(), network.containerfile(text)) == ([], text)


def test_every_stage_gets_the_network_settings() -> None:
    text = "# syntax\nARG A=1\nFROM a:1 \\\n  AS one\n# why\nRUN echo 'FROM here'\nFROM b:1\n"
    declared = Site({}, {"X": "/dev/x", "Y": "/dev/y"}).containerfile(text)
    assert declared == (
        "# syntax\nARG A=1\nFROM a:1 \\\n  AS one\n# why\nARG X=/dev/x Y=/dev/y\nRUN echo 'FROM here'\n"
        "FROM b:1\nARG X=/dev/x Y=/dev/y\n"
    )


words = st.text(string.ascii_lowercase, min_size=1, max_size=8)
rest = st.sampled_from(["RUN make \\\n    all", "# a remark", "", "ENV A=1 B=2", "USER 1001", "COPY a b"])
stages = st.lists(st.tuples(words, st.lists(rest, max_size=4)), min_size=1, max_size=4)


@given(stages)
def test_nothing_but_the_variables_is_added(parts: list[tuple[str, list[str]]]) -> None:
    text = "".join(f"FROM {name}\n" + "".join(f"{line}\n" for line in lines) for name, lines in parts)
    declared = Site({}, {"X": "/dev/x"}).containerfile(text)
    assert [line for line in declared.splitlines() if line != "ARG X=/dev/x"] == text.splitlines()
    read = instructions(declared)
    after = [read[at + 1].word for at, item in enumerate(read) if item.word == "FROM"]
    assert after == ["ARG"] * len(parts)


def test_a_bundle(tmp_path: Path) -> None:
    with site(bundle(tmp_path), environ={}) as network:
        assert contents(network) == {
            "/dev/workbench-ca.pem": CERTIFICATE,
            "/dev/workbench-apt.conf": 'Acquire::https::CAInfo "/dev/workbench-ca.pem";\n',
        }
        # Any user inside the build may read it, whoever may read the original.
        assert [os.stat(here).st_mode & 0o777 for here in network.files.values()] == [0o644, 0o644]
        assert network.containerfile("FROM a\n") == f"FROM a\n{TRUST} APT_CONFIG=/dev/workbench-apt.conf\n"
        assert network.mounts() == [f"--volume={here}:{inside}:ro,z" for inside, here in network.files.items()]
        folders = {os.path.dirname(here) for here in network.files.values()}
    assert not any(os.path.exists(folder) for folder in folders)


def test_the_flag_goes_before_the_variable(tmp_path: Path) -> None:
    named = {"WORKBENCH_CA_BUNDLE": bundle(tmp_path)}
    with site(environ=named) as network:
        assert "/dev/workbench-ca.pem" in network.files
    with pytest.raises(WorkbenchError, match="cannot be read: No such file"), site(str(tmp_path / "no"), named):
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "the CA bundle holds no certificate"),
        (f"{CERTIFICATE}-----BEGIN PRIVATE KEY-----\n", "the CA bundle holds a private key"),
        (f"{CERTIFICATE}-----BEGIN EC PRIVATE KEY-----\n", "the CA bundle holds a private key"),
    ],
)
def test_a_bundle_that_is_none(text: str, message: str, tmp_path: Path) -> None:
    file = bundle(tmp_path, text)
    with pytest.raises(WorkbenchError) as error, site(file, {}):
        pass
    assert (error.value.message, error.value.where) == (message, file)


def test_indexes_and_proxies() -> None:
    environ = {
        "PIP_INDEX_URL": "https://me:secret%40word@index.example.com/simple",
        "PIP_EXTRA_INDEX_URL": "file:///srv/wheels https://other.example.com/simple",
        "PIP_TRUSTED_HOST": "index.example.com",
        "WORKBENCH_APT_PROXY": "http://cache.example.com:3142",
    }
    with site(environ=environ) as network:
        assert contents(network) == {
            "/dev/workbench-pip.conf": (
                "[global]\nindex-url = https://me:secret%40word@index.example.com/simple\n"
                "extra-index-url = https://other.example.com/simple\ntrusted-host = index.example.com\n"
            ),
            "/dev/workbench-uv.toml": (
                'allow-insecure-host = ["index.example.com"]\nindex-strategy = "unsafe-best-match"\n'
                '[[index]]\nurl = "https://other.example.com/simple"\n'
                '[[index]]\nurl = "https://me:secret%40word@index.example.com/simple"\ndefault = true\n'
            ),
            "/dev/workbench-apt.conf": (
                'Acquire::http::Proxy "http://cache.example.com:3142";\n'
                'Acquire::https::Proxy "http://cache.example.com:3142";\n'
            ),
        }
        declared = network.containerfile("FROM a\n")
        named = {"PIP_CONFIG_FILE": "pip.conf", "UV_CONFIG_FILE": "uv.toml", "APT_CONFIG": "apt.conf"}
        words = " ".join(f"{name}=/dev/workbench-{file}" for name, file in named.items())
        assert declared == f"FROM a\nARG {words}\n"
        assert "secret" not in declared + "".join(network.mounts())


def test_the_patience_with_a_slow_line() -> None:
    environ = {"PIP_DEFAULT_TIMEOUT": "180", "PIP_RETRIES": "9", "UV_HTTP_TIMEOUT": "181"}
    with site(environ=environ) as network:
        assert contents(network) == {"/dev/workbench-pip.conf": "[global]\ntimeout = 180\nretries = 9\n"}
        named = "PIP_CONFIG_FILE=/dev/workbench-pip.conf UV_HTTP_TIMEOUT=181"
        assert network.containerfile("FROM a\n") == f"FROM a\nARG {named}\n"
    bad = {"UV_HTTP_TIMEOUT": "1 RUN=x"}
    with pytest.raises(WorkbenchError, match="UV_HTTP_TIMEOUT is '1 RUN=x', and no number"), site(environ=bad):
        pass


def test_a_folder_of_this_machine_is_no_index() -> None:
    with site(environ={"PIP_INDEX_URL": "file:///srv/wheels", "PIP_EXTRA_INDEX_URL": "/srv/more"}) as network:
        assert network.files == {}


def test_a_proxy_that_would_end_its_line() -> None:
    environ = {"WORKBENCH_APT_PROXY": 'http://a";\nDPkg::Pre-Invoke {"rm";}'}
    with pytest.raises(WorkbenchError, match="WORKBENCH_APT_PROXY is no address"), site(environ=environ):
        pass


secret = st.text(string.ascii_letters + string.digits + "%.~-_:", min_size=1)


@given(user=words, password=secret, host=words, before=words)
def test_no_password_is_ever_shown(user: str, password: str, host: str, before: str) -> None:
    shown = redacted(f"{before}: https://{user}:{password}@{host}.example.com/simple, http://{host}/")
    assert shown == f"{before}: https://***@{host}.example.com/simple, http://{host}/"


def test_a_mirror_of_open_vsx_is_a_secret_of_the_steps_that_fetch_extensions() -> None:
    address = "https://somebody:secret@mirror.example.com/openvsx"
    with site(environ={"WORKBENCH_OPENVSX": f" {address}\n"}) as network:
        assert Path(network.secrets["WORKBENCH_OPENVSX"]).read_text() == address
        # It is in no variable, and a step that does not mount it does not see it.
        assert (network.mounts(), network.variables) == ([], {})
    for wrong in ("mirror.example.com", "file:///srv/vsix", "https://", "https://a b"):
        with (
            pytest.raises(WorkbenchError, match="WORKBENCH_OPENVSX is no address"),
            site(environ={"WORKBENCH_OPENVSX": wrong}),
        ):
            pass
