#!/bin/sh
# Starts code-server behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX    path that the platform serves this workbench under, such as /notebook/team/name
#   VSCODE_ROOT  folder that is opened (the home folder)
set -eu

umask 0002
# A user ID that the image does not know has no shell either, and the terminal would ask for it.
export SHELL="${SHELL:-/bin/bash}"
# No password: whoever gets here has been let in by the platform. The probe asks for the page, which needs
# VS Code itself: /healthz answers without it.
exec python -I -m workbench_front --name vscode --strip-prefix --health / --heartbeat /healthz -- \
    /opt/code-server/bin/code-server --bind-addr '127.0.0.1:{port}' --auth none \
    --disable-telemetry --disable-update-check "${VSCODE_ROOT:-$HOME}"
