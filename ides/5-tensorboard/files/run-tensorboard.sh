#!/bin/sh
# Starts TensorBoard behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX           path that the platform serves this workbench under, such as /notebook/team/name
#   WORKBENCH_TOKEN     token that opens it (a new one at every start, which the log shows); without one,
#                       NB_PREFIX or WORKBENCH_AUTH=platform leave it to the platform who gets in
#   TENSORBOARD_LOGDIR  folder or address of the runs to show (the folder logs at home)
set -eu

umask 0002
# Kubeflow and JupyterHub mount the user's volume there.
[ ! -w /home/jovyan ] || export HOME=/home/jovyan
exec python -I -m workbench_front --name tensorboard -- \
    tensorboard --logdir "${TENSORBOARD_LOGDIR:-$HOME/logs}" \
    --host 127.0.0.1 --port '{port}' --path_prefix '{prefix}'
