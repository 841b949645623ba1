"""A small catalogue laid out as the original's: its folders, its kinds of snippet, no file of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_USER = "USER 1001\nWORKDIR /opt/app-root/src\n"
_LIST = "attrs==25.1.0\n"
_INSTALL = "RUN yum install -y $(cat os-packages.txt)\n"
_JUPYTER = "requirements-jupyter.txt"
_SPAWN = "https://example.com/spawn-fcgi-1.6.3-23.fc37.x86_64.rpm"
_NO_PACKAGE = "-i ${PIP_INDEX_URL}\n"

ORIGINAL: Mapping[str, str] = {
    "snippets/base/base.snippet": 'FROM ${BASE_IMAGE}\n\nLABEL name="workbench-images:${CUDA}${IDE_NAME}-${DATE}"\n',
    "bundles/os_packages.snippet": f"USER 0\nCOPY --chown=1001:0 os-packages.txt ./\n{_INSTALL}",
    "bundles/python_packages.snippet": (
        "USER 1001\nWORKDIR /opt/app-root/src/\nCOPY --chown=1001:0 requirements.txt ./\n"
        "RUN pip install --no-cache-dir -r requirements.txt && \\\n"
        "    chmod -R g+w /opt/app-root/lib/${PYTHON_FOLDER}/site-packages\n"
    ),
    "ides/os_packages_ide.snippet": f"USER 0\nCOPY os-ide/os-packages.txt ./\n{_INSTALL}",
    "bundles/1-minimal/display.txt": "Minimal",
    "bundles/1-minimal/py39/requirements.txt": _LIST,
    "bundles/1-minimal/py311/requirements.txt": "",
    "bundles/1-minimal/py39/requirements-jupyter.txt": _LIST,
    "bundles/1-minimal/py311/requirements-jupyter.txt": _LIST,
    "bundles/6-langflow/display.txt": "Langflow 0.4.18",
    "bundles/6-langflow/py311/requirements.txt": _LIST,
    "bundles/6-langflow/py311/requirements-jupyter.txt": _NO_PACKAGE,
    "bundles/8-r/display.txt": "R 4.3.1",
    "bundles/8-r/selection-override": "",
    "bundles/8-r/os/os-packages.txt": "R-core\n",
    "bundles/9-spark/display.txt": "Spark 3.4.1",
    "bundles/9-spark/py311/requirements.txt": _LIST,
    "bundles/9-spark/py311/requirements-jupyter.txt": _LIST,
    "bundles/9-spark/builder/builder.snippet": (
        "FROM ${BASE_IMAGE} as spark-builder\nUSER 0\nWORKDIR /spark/jars\nARG GUAVA=32.1.1-jre\n"
        "ADD https://example.com/guava-${GUAVA}.jar .\n"
    ),
    "bundles/9-spark/custom/custom.snippet": "USER 0\nCOPY --from=spark-builder /spark/jars /opt/app-root/jars\n",
    "ides/1-jupyter/display.txt": "Jupyter",
    "ides/1-jupyter/jupyter.snippet": f"COPY {_JUPYTER} ./\nRUN pip install -r {_JUPYTER}\n{_USER}",
    "ides/3-rstudio/display.txt": "RStudio 2023.06.01",
    "ides/3-rstudio/rstudio.snippet": f"USER 0\nRUN rpm -i {_SPAWN}\n{_USER}",
    "ides/4-langflow/display.txt": "Langflow 0.4.18",
    "ides/4-langflow/langflow.snippet": _USER,
    "ides/5-runtime/display.txt": "Runtime only (no IDE)",
    "ides/5-runtime/runtime.snippet": _USER,
    "base/Makefile": "all:\n",
    "base/c9s/Containerfile": (
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE} as builder\nARG PYTHON_VERSION_NUMBER\nCOPY patch.txt /\n"
        "COPY ${PYTHON_VERSION_NUMBER}/requirements.txt /python-${PYTHON_VERSION_NUMBER}\n"
        "FROM scratch\nARG RELEASE\nARG DATE\nARG PYTHON_VERSION_NUMBER\nCOPY --from=builder / /\n"
        "ENV MADE=${PYTHON_VERSION_NUMBER}_${RELEASE}_${DATE}\n"
    ),
    "base/c9s/os-packages.txt": "git-lfs\n",
    "base/c9s/patch.txt": "patch\n",
    "base/c9s/3.9/requirements.txt": "pip==23.2.1\n",
    "base/c9s/3.11/requirements.txt": "pip==23.2.1\n",
    "cuda-layer/Makefile": "all:\n",
    "cuda-layer/base/Containerfile": (
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY cuda.repo-x86_64 /etc/cuda.repo\nENV CUDA_VERSION 11.8.0\n"
    ),
    "cuda-layer/base/cuda.repo-x86_64": "[cuda]\n",
    "cuda-layer/runtime/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nENV RUNTIME=1\n",
    "cuda-layer/runtime/cudnn8/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nENV CUDNN=8\n",
    "cuda-layer/devel/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nENV DEVEL=1\n",
    "cuda-layer/devel/cudnn8/Containerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nENV CUDNN=8\n",
}


def make_original(folder: Path) -> Path:
    """Write the small catalogue to a new `folder` and return it."""
    for path, text in ORIGINAL.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder
