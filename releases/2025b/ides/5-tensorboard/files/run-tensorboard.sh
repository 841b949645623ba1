#!/bin/sh
# Starts TensorBoard behind the front on port 8888, for whatever user ID the platform picked.
#
#   NB_PREFIX           path that the platform serves this workbench under, such as /notebook/team/name
#   TENSORBOARD_LOGDIR  folder or address of the runs to show (the folder logs at home)
set -eu

umask 0002
exec python -I -m workbench_front --name tensorboard -- \
    tensorboard --logdir "${TENSORBOARD_LOGDIR:-$HOME/logs}" \
    --host 127.0.0.1 --port '{port}' --path_prefix '{prefix}'
