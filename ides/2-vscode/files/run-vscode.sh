#!/bin/sh
# Starts code-server behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX        path that the platform serves this workbench under, such as /notebook/team/name
#   WORKBENCH_TOKEN  token that opens it (a new one at every start, which the log shows); without one,
#                    NB_PREFIX or WORKBENCH_AUTH=platform leave it to the platform who gets in
#   VSCODE_ROOT      folder that is opened (the home folder)
set -eu

umask 0002
# Kubeflow and JupyterHub mount the user's volume there.
[ ! -w /home/jovyan ] || export HOME=/home/jovyan
# A user ID that the image does not know has no shell either, and the terminal would ask for it.
export SHELL="${SHELL:-/bin/bash}"
# No password of its own: the front or the platform has let in whoever gets here. The probe asks for the page,
# which needs VS Code itself: /healthz answers without it.
exec python -I -m workbench_front --name vscode --strip-prefix --health / --heartbeat /healthz \
    --port-proxy /proxy --port-proxy /absproxy -- \
    /opt/code-server/bin/code-server --host 127.0.0.1 --port '{port}' --auth none \
    --disable-telemetry --disable-update-check "${VSCODE_ROOT:-$HOME}"
