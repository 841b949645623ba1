"""What the Pod Security Standards forbid at the level `restricted`, that of `baseline` too.

By the page of that name at kubernetes.io; the hosts of probes, and the latest SELinux types and sysctls, by excerpts of
it (2026-11-30). The tests' API server is older than the admission that enforces them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")
}
_PROFILES = ("RuntimeDefault", "Localhost")
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def faults(spec: Mapping[str, Any]) -> list[str]:
    """Return what a Pod of this specification may not have; nothing when it is `restricted`."""
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    for volume in spec.get("volumes", ()):
        found += [f"volume {volume['name']}: {kind}" for kind in volume if kind not in ("name", *_VOLUMES)]
    pod = spec.get("securityContext", {})
    found += [f"sysctl {each['name']}" for each in pod.get("sysctls", ()) if each["name"] not in _SYSCTLS]
    found += [f"Pod: {fault}" for fault in _of_both(pod)]
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(kind, ()):
            found += [f"{container['name']}: {fault}" for fault in _of_container(container, pod)]
    return found


def _of_both(context: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the security context of a Pod may not have either."""
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type", "") not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
        yield "appArmorProfile"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "hostProcess"
    if context.get("runAsUser") == 0:
        yield "runAsUser"


def _of_container(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    capabilities = own.get("capabilities", {})
    yield from _of_both(own)
    if own.get("privileged") or own.get("procMount", "Default") != "Default":
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if "ALL" not in capabilities.get("drop", ()) or set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in _PROFILES:
        yield "seccompProfile"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    handlers = [container.get(name, {}) for name in _PROBES] + list(container.get("lifecycle", {}).values())
    if any(handler.get(way, {}).get("host") for handler in handlers for way in ("httpGet", "tcpSocket")):
        yield "host of a probe or hook"
