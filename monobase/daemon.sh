#!/bin/sh
# Fills the prefix of a node, then stays: `daemon.sh FLAGS…` are the flags of `monobase build`. The readiness
# probe, `monobase ready`, says when it is done. A build that is interrupted continues the next time.
set -eu
child=
trap 'kill "$child" 2>/dev/null || :; wait "$child" || :; exit 143' TERM INT
monobase build "$@" &
child=$!
wait "$child"
while :; do
    sleep 86400 &
    child=$!
    wait "$child"
done
