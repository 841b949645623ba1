#!/bin/sh
# Runs a command on the layers that the variables of a model name: `exec.sh CMD…`. What it runs on is not
# removed meanwhile: leases are shared locks on open files, which the command inherits (see leases.py).
set -eu
# shellcheck source=monobase/activate.sh
. "${0%/*}/activate.sh"
prefix=${MONOBASE_PREFIX:-/srv/r8/monobase}

lease() { # lease folder: locks what is open as 9
    if ! flock --shared --nonblock 9 || [ ! -d "$2" ]; then
        printf 'error: %s is being removed\n  hint: activate another one\n' "$1" >&2
        exit 1
    fi
}

# A tree from which nothing is ever removed has no leases.
if command -v flock >/dev/null 2>&1; then
    generation=${MONOBASE_GENERATION:-none}
    if [ -r "$prefix/leases/$generation" ]; then
        exec 9<"$prefix/leases/$generation"
        lease "$generation" "$prefix/monobase/$generation"
        exec 8<&9
    fi
    cog=${MONOBASE_COG:-none/}
    cog=${cog%%/*}
    if [ -r "$prefix/leases/cog-$cog" ]; then
        exec 9<"$prefix/leases/cog-$cog"
        lease "cog-$cog" "$prefix/cog/$cog"
    fi
fi
exec "$@"
