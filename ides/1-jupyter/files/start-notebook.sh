#!/bin/sh
# Starts JupyterLab on port 8888 for whatever user ID the platform picked.
#
#   NB_PREFIX          path that the platform serves this workbench under, such as /notebook/team/name
#   NOTEBOOK_BASE_URL  the same, for platforms that set no NB_PREFIX
#   NOTEBOOK_PORT      port (8888)
#   NOTEBOOK_ROOT_DIR  folder shown (the home folder)
#   NOTEBOOK_ARGS      more arguments for Jupyter: split at white space, and nothing else in them is touched
#   WORKBENCH_TOKEN    token that opens it (a new one at every start, which the log shows)
#   WORKBENCH_AUTH     platform: no token, whoever gets here has been let in (so with NB_PREFIX and no token);
#                      token: one below NB_PREFIX too
#
# Arguments of the container go to Jupyter too. They win over NOTEBOOK_ARGS, and both over what is set here.
# A command in their place is run instead: JupyterHub gives jupyterhub-singleuser.
set -eu

umask 0002
# Kubeflow and JupyterHub mount the user's volume there.
if [ -w /home/jovyan ]; then
    export HOME=/home/jovyan
    cd "$HOME"
fi
. /opt/app-root/bin/utils/setup-elyra.sh

exec python -I /opt/app-root/bin/utils/start_jupyter.py "$@"
