#!/bin/sh
# Runs a command on the layers that the variables of a model name: `exec.sh CMD…`. What it runs on is not
# removed meanwhile: activation holds leases, shared locks on open files, which the command inherits (see leases.py).
set -eu
# shellcheck source=monobase/activate.sh
. "${0%/*}/activate.sh"
exec "$@"
