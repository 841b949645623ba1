"""Certificates, indexes and proxies of the builder's own network, available during a build and nowhere in the image.

The files are mounted below /dev, which is never part of an image, and the variables that point at
them are ARGs in a copy of the Containerfile, which do not outlive the build. Addresses with
passwords are only ever in the mounted files. dnf knows no such variable: behind a network that
inspects TLS it needs a mirror over HTTP, or a root image that trusts the network's certificate.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench.containerfile.parser import instructions
from workbench.errors import WorkbenchError
from workbench.images.build_mark import marked_folder, new_mark
from workbench.indexes import address_of

CA_BUNDLE = "WORKBENCH_CA_BUNDLE"
APT_PROXY = "WORKBENCH_APT_PROXY"
# The address of a mirror of Open VSX, and the id of the secret that it is in the steps which fetch extensions.
OPEN_VSX = "WORKBENCH_OPENVSX"

_CA, _PIP, _APT = "/dev/workbench-ca.pem", "/dev/workbench-pip.conf", "/dev/workbench-apt.conf"
_UV = "/dev/workbench-uv.toml"
_TRUST = (
    "PIP_CERT",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
)
# Settings of pip that variables of this machine carry, and that mean the same inside a build.
_PIP_KEYS = {
    "PIP_INDEX_URL": "index-url",
    "PIP_EXTRA_INDEX_URL": "extra-index-url",
    "PIP_PROXY": "proxy",
    "PIP_TRUSTED_HOST": "trusted-host",
    "PIP_DEFAULT_TIMEOUT": "timeout",
    "PIP_RETRIES": "retries",
}
# Settings of uv that its file has no place for. Whoever sets one builds steps of its own where they are shared: what a
# step is cached by has it.
_UV_VARIABLES = ("UV_HTTP_TIMEOUT",)
# What pip, uv, apt, curl and git say when they do not trust a certificate.
_DISTRUST = (
    "CERTIFICATE_VERIFY_FAILED",
    "certificate verification failed",
    "SSL certificate problem",
    "invalid peer certificate",
)
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Site:
    """What is available during a build only: files by their path inside, and the variables that point at them.

    `secrets` are files by the id under which a step may mount them.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    def mounts(self) -> list[str]:
        """Return the engine's options that mount the files, read-only (`z`: readable under SELinux too)."""
        return [f"--volume={here}:{inside}:ro,z" for inside, here in self.files.items()]

    def containerfile(self, text: str) -> str:
        """Return `text` with the variables declared in every stage; the same text when there are none."""
        if not self.variables:
            return text
        declared = "ARG " + " ".join(f"{name}={value}" for name, value in self.variables.items())
        parsed = instructions(text)
        lines = text.splitlines()
        for at in range(len(parsed) - 1, -1, -1):
            if parsed[at].word == "FROM":
                # Before the next instruction: a FROM may go on over several lines.
                following = parsed[at + 1].line - 1 if at + 1 < len(parsed) else len(lines)
                lines.insert(following, declared)
        return "\n".join(lines) + "\n"


@contextmanager
def site(
    ca_bundle: str = "",
    environ: Mapping[str, str] = os.environ,
    *,
    mark: str = "",
    indexes: Sequence[str] = (),
    where: str = "",
) -> Iterator[Site]:
    """Yield what is available to the builds of this machine; its files are gone afterwards.

    The build with `mark` needs it: where that is killed, the next build removes the files.

    `ca_bundle` is a PEM file, else WORKBENCH_CA_BUNDLE names one. The indexes of pip come from
    PIP_INDEX_URL and its like, the proxy of apt from WORKBENCH_APT_PROXY, and how long a line may be silent from
    PIP_DEFAULT_TIMEOUT and UV_HTTP_TIMEOUT; WORKBENCH_OPENVSX is a mirror of Open VSX. With none of them the
    Site is empty. (http_proxy and no_proxy are the engine's to pass.) `indexes` are the variables of the
    further package indexes that the recipe at `where` needs. Raises WorkbenchError for a bundle that is
    none, and for such a variable that is not set.
    """
    bundle = ca_bundle or environ.get(CA_BUNDLE, "")
    texts: dict[str, str] = {}
    variables: dict[str, str] = {}
    if bundle:
        texts[_CA] = _certificates(bundle)
        variables |= dict.fromkeys(_TRUST, _CA)
    if pip := _pip_conf(environ):
        texts[_PIP] = pip
        variables["PIP_CONFIG_FILE"] = _PIP
    if uv := _uv_toml(environ):
        texts[_UV] = uv
        variables["UV_CONFIG_FILE"] = _UV
    variables |= {name: _number(environ, name) for name in _UV_VARIABLES if environ.get(name)}
    if apt := _apt_conf(environ, bool(bundle)):
        texts[_APT] = apt
        variables["APT_CONFIG"] = _APT
    addresses = {variable: address_of(variable, where, environ) for variable in indexes}
    if mirror := _address(environ, OPEN_VSX):
        addresses[OPEN_VSX] = mirror
    # The folder is this user's alone; the files in it are readable for any user inside the build.
    with marked_folder(mark or new_mark()) as folder:
        files = {inside: _written(folder, os.path.basename(inside), text) for inside, text in texts.items()}
        yield Site(files, variables, {name: _written(folder, name, text) for name, text in addresses.items()})


def _written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def certificate_refused(line: str) -> str:
    """Return what to do about a line of output that says a certificate was refused, "" for any other line."""
    if any(sign in line for sign in _DISTRUST):
        return "a certificate was refused: on a network that inspects TLS, give --ca-bundle FILE"
    return ""


def redacted(text: str) -> str:
    """Return `text` without the user and password of any address in it."""
    return _PASSWORD.sub("***@", text)


def _certificates(bundle: str) -> str:
    try:
        with open(bundle, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError as error:
        raise WorkbenchError(f"the CA bundle cannot be read: {error.strerror}", where=bundle) from None
    if "PRIVATE KEY-----" in text:
        raise WorkbenchError("the CA bundle holds a private key", where=bundle, hint="give the certificates only")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise WorkbenchError("the CA bundle holds no certificate", where=bundle, hint="it must be a PEM file")
    return text


def _pip_conf(environ: Mapping[str, str]) -> str:
    words = {key: _words(environ, variable) for variable, key in _PIP_KEYS.items()}
    lines = [f"{key} = {' '.join(values)}\n" for key, values in words.items() if values]
    return "[global]\n" + "".join(lines) if lines else ""


def _number(environ: Mapping[str, str], variable: str) -> str:
    if not environ[variable].isdecimal():
        raise WorkbenchError(f"{variable} is {environ[variable]!r}, and no number", hint="give whole seconds")
    return environ[variable]


def _uv_toml(environ: Mapping[str, str]) -> str:
    """Return the same settings for uv, in the words of its settings reference (0.13).

    A package may come from either index, as with pip: by its hash it is the one that was locked.
    """
    main, extra = _words(environ, "PIP_INDEX_URL"), _words(environ, "PIP_EXTRA_INDEX_URL")
    lines = [f"allow-insecure-host = {_toml(hosts)}" for hosts in [_words(environ, "PIP_TRUSTED_HOST")] if hosts]
    for proxy in _words(environ, "PIP_PROXY")[:1]:
        lines += [f"{scheme}-proxy = {_toml(proxy)}" for scheme in ("http", "https")]
    lines += ['index-strategy = "unsafe-best-match"'] if extra else []
    # uv wants the default index last.
    lines += [f"[[index]]\nurl = {_toml(url)}" for url in extra]
    lines += [f"[[index]]\nurl = {_toml(url)}\ndefault = true" for url in main[:1]]
    return "".join(f"{line}\n" for line in lines)


def _address(environ: Mapping[str, str], variable: str) -> str:
    address = environ.get(variable, "").strip()
    if address and not re.fullmatch(r"https?://[^\s/]+(?:/\S*)?", address):
        raise WorkbenchError(f"{variable} is no address", hint="write it as https://mirror.example.com/openvsx")
    return address


def _words(environ: Mapping[str, str], variable: str) -> list[str]:
    # A folder of this machine is none of the build's.
    return [word for word in environ.get(variable, "").split() if not word.startswith(("file:", "/"))]


def _toml(value: str | list[str]) -> str:
    # A string of JSON, as json.dumps writes it, is one of TOML too, and so is a list of them.
    return json.dumps(value)


def _apt_conf(environ: Mapping[str, str], has_bundle: bool) -> str:
    proxy = environ.get(APT_PROXY, "")
    if re.search(r'["\s;]', proxy):
        raise WorkbenchError(f"{APT_PROXY} is no address", hint="write it as http://proxy.example.com:3142")
    lines = [f'Acquire::{scheme}::Proxy "{proxy}";\n' for scheme in ("http", "https") if proxy]
    if has_bundle:
        lines.append(f'Acquire::https::CAInfo "{_CA}";\n')
    return "".join(lines)
