"""The peer's recipe: what jupyter-minimal on bookworm does, written for HPCCM.

HPCCM reads this file as Python, with its building blocks already named.
"""
# ruff: noqa: F821
# mypy: ignore-errors

Stage0 += baseimage(image="localhost/workbench-images:base-bookworm-py311_2026a_20261122", _distro="ubuntu22")
Stage0 += user(user="1001")
Stage0 += workdir(directory="/opt/app-root/src")
Stage0 += pip(requirements="requirements.txt", pip="pip3", ospackages=[])
Stage0 += pip(requirements="requirements-jupyter.txt", pip="pip3", ospackages=[])
Stage0 += copy(src="etc/", dest="/opt/app-root/etc/jupyter/")
Stage0 += copy(src="utils/", dest="/opt/app-root/bin/utils/")
Stage0 += copy(src="start-notebook.sh", dest="/opt/app-root/bin/start-notebook.sh")
Stage0 += shell(commands=["cp bootstrapper.py /opt/app-root/bin/utils/bootstrapper.py"])
Stage0 += workdir(directory="/opt/app-root/src")
Stage0 += label(
    metadata={
        "name": "workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122",
        "summary": "jupyter workbench image with the bundle minimal",
        "description": "jupyter workbench image with the bundle minimal, bookworm, py311",
        "io.k8s.display-name": "jupyter minimal (bookworm-py311)",
        "io.k8s.description": "jupyter workbench image with the bundle minimal, bookworm, py311",
        "io.openshift.build.commit.ref": "2026a",
        "io.openshift.build.image": "workbench-images:jupyter-minimal-bookworm-py311_2026a_20261122",
        "org.opencontainers.image.title": "jupyter minimal",
        "org.opencontainers.image.description": "jupyter workbench image with the bundle minimal, bookworm, py311",
        "org.opencontainers.image.version": "2026a_20261122",
        "org.opencontainers.image.ref.name": "jupyter-minimal-bookworm-py311_2026a_20261122",
        "org.opencontainers.image.base.name": "localhost/workbench-images:base-bookworm-py311_2026a_20261122",
    }
)
Stage0 += runscript(commands=["/opt/app-root/bin/start-notebook.sh"])
