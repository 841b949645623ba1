"""Why an engine on Kubernetes lacks what podman has: its API has no such thing, or it is not done here yet."""

from __future__ import annotations

from workbench.replicasets.engines import capabilities as c
from workbench.replicasets.engines import disk_capabilities as d

_NO_AGENT = "a Pod's disk cannot be read from outside its node, and nothing of ours runs there"
_NODES = "Pods run on nodes, whose folders are not this machine's; use a volume"

REASONS: dict[type, str] = {
    c.Pausing: "Kubernetes does not freeze Pods; stop the set, which frees its GPUs too",
    d.RecordingDisks: _NO_AGENT,
    d.CarryingDisks: _NO_AGENT,
    d.RebasingDisks: f"{_NO_AGENT}; `rs upgrade --image` begins with the image's disk",
    d.ComparingDisks: _NO_AGENT,
    c.LiveLimits: "the limits of a Pod are changed by a next version",
    c.BindingFolders: _NODES,
    c.SeparatingNetworks: "which Pods reach which is for the cluster's NetworkPolicies",
    c.CopyingFiles: "not done yet; `rs exec` and volumes are there",
    c.Attaching: "not done yet; `rs exec` runs programs without input",
}
