#!/bin/sh
# Starts JupyterLab on port 8888 for whatever user ID the platform picked.
#
#   NB_PREFIX          path that the platform serves this workbench under, such as /notebook/team/name
#   NOTEBOOK_BASE_URL  the same, for platforms that set no NB_PREFIX
#   NOTEBOOK_PORT      port (8888)
#   NOTEBOOK_ROOT_DIR  folder shown (the home folder)
#   NOTEBOOK_ARGS      more arguments for Jupyter; quotes group words, and nothing in it is evaluated
set -eu

umask 0002
. /opt/app-root/bin/utils/setup-elyra.sh

set -- \
    --ServerApp.ip=0.0.0.0 \
    --ServerApp.port="${NOTEBOOK_PORT:-8888}" \
    --ServerApp.base_url="${NB_PREFIX:-${NOTEBOOK_BASE_URL:-/}}" \
    --ServerApp.root_dir="${NOTEBOOK_ROOT_DIR:-$HOME}" \
    --ServerApp.allow_origin='*' \
    --ServerApp.open_browser=False

if [ -n "${NOTEBOOK_ARGS:-}" ]; then
    # xargs reads quotes as a shell does and runs nothing of what is in them.
    words=$(printf '%s' "$NOTEBOOK_ARGS" | tr '\n' ' ' | xargs printf '%s\n')
    while IFS= read -r word; do
        set -- "$@" "$word"
    done <<END
$words
END
fi

exec jupyter lab "$@"
