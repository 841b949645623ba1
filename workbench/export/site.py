"""What a cluster wants of every workbench on it: by a file of the site, and by flags, which go before it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.catalog.toml_file import read_toml_file
from workbench.errors import UsageError
from workbench.export.amounts import check_bytes

# RFC 1123, as Kubernetes takes names of objects, and its labels (1.34, "Labels and Selectors").
_PART = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_DOMAIN = rf"{_PART}(?:\.{_PART})*"
_OBJECT = re.compile(rf"(?=.{{1,253}}\Z){_DOMAIN}")
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:(?=[^/]{{1,253}}/){_DOMAIN}/)?{_WORD}")
_VALUE = re.compile(rf"(?:{_WORD})?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
# What the export sets itself.
_RESERVED = ("NB_PREFIX", "WORKBENCH_TOKEN")
_SCHEMA = {
    **dict.fromkeys(("storage_class", "service_account", "runtime_class", "shm"), str),
    **dict.fromkeys(("pull_secrets", "tolerations", "allow_from"), list),
    "nodes": {"*": str},
    "env": {"*": str},
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where a workbench may run, with what, and who may connect to it: parts of manifests, checked.

    `tolerations` and `allow_from` are objects of the API (core/v1 Toleration, networking/v1 NetworkPolicyPeer), `shm`
    is the size of /dev/shm.
    """

    storage_class: str = ""
    service_account: str = ""
    runtime_class: str = ""
    shm: str = ""
    pull_secrets: tuple[str, ...] = ()
    tolerations: tuple[Mapping[str, Any], ...] = ()
    allow_from: tuple[Mapping[str, Any], ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def pod_fields(self) -> dict[str, Any]:
        """Return what a PodSpec (core/v1) has of it, but for variables and volumes."""
        found: dict[str, Any] = {
            "serviceAccountName": self.service_account,
            "runtimeClassName": self.runtime_class,
            "nodeSelector": dict(self.nodes),
            "tolerations": [dict(each) for each in self.tolerations],
            "imagePullSecrets": [{"name": name} for name in self.pull_secrets],
        }
        return {key: value for key, value in found.items() if value}


def read_site(path: str) -> dict[str, Any]:
    """Return what the TOML file of a site says, by key; raises FaultsError with the lines of what is wrong."""
    return read_toml_file(path, _SCHEMA)


def site_of(file: Mapping[str, Any], flags: Mapping[str, Any]) -> Site:
    """Return the site: texts of `flags` take the place of the file's, lists and tables of both are taken together.

    Both have the keys of Site and texts as users write them. Raises UsageError for what Kubernetes would refuse.
    """
    texts = {key: flags.get(key) or file.get(key, "") for key in ("storage_class", "service_account", "runtime_class")}
    for key, name in texts.items():
        if name:
            check_object(f"the {key.replace('_', ' ')}", name)
    shm = flags.get("shm") or file.get("shm", "")
    if shm:
        check_bytes("--shm", shm)
    lists = {key: [*file.get(key, ()), *flags.get(key, ())] for key in ("pull_secrets", "tolerations", "allow_from")}
    for name in lists["pull_secrets"]:
        check_object("the pull secret", name)
    nodes = {**file.get("nodes", {}), **_pairs("--node", flags.get("nodes", ()))}
    for key, value in nodes.items():
        _check_label(key, value)
    env = {**file.get("env", {}), **_pairs("--env", flags.get("env", ()))}
    for name in env:
        if not _VARIABLE.fullmatch(name):
            raise UsageError(f"{name!r} cannot be the variable", hint="letters, digits and _")
        if name in _RESERVED:
            raise UsageError(f"{name} is reserved", hint="--prefix sets the path, --token-secret the token")
    return Site(
        **texts,
        shm=shm,
        pull_secrets=tuple(dict.fromkeys(lists["pull_secrets"])),
        tolerations=tuple(toleration(text) for text in dict.fromkeys(lists["tolerations"])),
        allow_from=tuple(peer(text) for text in dict.fromkeys(lists["allow_from"])),
        nodes=nodes,
        env=env,
    )


def check_object(what: str, name: str) -> None:
    """Raise UsageError unless `name` can be an object's of the API; `what` says whose it is."""
    if not _OBJECT.fullmatch(name):
        raise UsageError(f"{name!r} cannot be {what}", hint="a-z, 0-9, hyphens and dots between them")


def check_namespace(name: str) -> None:
    """Raise UsageError unless `name` can be a namespace's."""
    if not _NAMESPACE.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the namespace", hint="a-z, 0-9 and hyphens; at most 63")


def label_value(text: str) -> str:
    """Return `text` where a label can have it as its value, "" otherwise."""
    return text if _VALUE.fullmatch(text) else ""


def toleration(text: str) -> dict[str, str]:
    """Return the toleration that `KEY[=VALUE][:EFFECT]` is, as kubectl writes taints; raises UsageError."""
    pair, colon, effect = text.partition(":")
    key, equals, value = pair.partition("=")
    if colon and effect not in _EFFECTS:
        raise UsageError(f"{text!r}: {effect!r} is no effect of a taint", hint=f"one of {', '.join(_EFFECTS)}")
    _check_label(key, value)
    found = {"key": key, "operator": "Equal", "value": value} if equals else {"key": key, "operator": "Exists"}
    return {**found, **({"effect": effect} if effect else {})}


def peer(text: str) -> dict[str, Any]:
    """Return whom `text` lets connect: `NAMESPACE`, `NAMESPACE/LABEL=VALUE`, `/LABEL=VALUE`, or a network (CIDR).

    Several labels have commas between them. Without a namespace, pods of the workbench's own are meant. Raises
    UsageError.
    """
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    # A scope (fe80::1%eth0) is of one machine, and the API server refuses it.
    if network and "%" not in text:
        return {"ipBlock": {"cidr": str(network)}}
    namespace, slash, labels = text.partition("/")
    if namespace:
        check_namespace(namespace)
    found = _pairs("--allow-from", labels.split(",")) if slash else {}
    for key, value in found.items():
        _check_label(key, value)
    if not namespace and not found:
        raise UsageError(f"--allow-from {text!r} lets nobody in", hint="write NAMESPACE, /LABEL=VALUE or 10.0.0.0/8")
    # Kubernetes gives each namespace this label (since 1.21).
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}} if namespace else {}
    return {**where, **({"podSelector": {"matchLabels": found}} if found else {})}


def _pairs(flag: str, words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"{flag} {word!r} is no pair", hint=f"write {flag} NAME=VALUE")
        found[key] = value
    return found


def _check_label(key: str, value: str) -> None:
    if not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise UsageError(f"{key}={value} is no label", hint="such as nvidia.com/gpu.product=A100; at most 63 letters")
