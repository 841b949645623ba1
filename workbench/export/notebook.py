"""A workbench as Kubeflow's Notebooks 1.x keep it: a Notebook and the volume of its user."""

from __future__ import annotations

from typing import Any

from workbench.export.kubernetes import Workbench, claim_manifests, home_volume, metadata, pod_spec

# Source: kubeflow/kubeflow, components/notebook-controller (config/crd/bases, controllers), read 2026-11-29.
API = "kubeflow.org/v1"


def notebook_manifests(workbench: Workbench) -> list[dict[str, Any]]:
    """Return the volume claim and the Notebook of `workbench`, whose prefix is left to Kubeflow.

    Its controller sets NB_PREFIX to /notebook/NAMESPACE/NAME and sends port 80 of its service to the first port of the
    first container. It shows the state of the container that has the Notebook's name, and starts one that names no
    working folder in /home/jovyan, which these images need not have.
    """
    spec = pod_spec(workbench)
    (container,) = spec["containers"]
    container |= {"name": workbench.name, "workingDir": container["volumeMounts"][0]["mountPath"]}
    # The path of the probes is not known before the namespace is. A port that answers is what the controller waits for.
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        container[probe] = {"tcpSocket": {"port": "http"}} | {
            key: value for key, value in container[probe].items() if key != "httpGet"
        }
    spec["volumes"] = [home_volume(workbench), *spec.get("volumes", ())]
    return [
        *claim_manifests(workbench),
        {
            "apiVersion": API,
            "kind": "Notebook",
            "metadata": metadata(workbench),
            "spec": {"template": {"spec": spec}},
        },
    ]
