#!/bin/sh
# Fills the prefix of a node, then stays: `daemon.sh FLAGS…` are the flags of `monobase build`. The readiness
# probe, `monobase ready`, says when it is done. A build that is interrupted continues the next time.
# With --node-label it looks every minute whether the node is still ready, and takes the label away when not.
set -eu
child=
trap 'kill "$child" 2>/dev/null || :; wait "$child" || :; exit 143' TERM INT
monobase build "$@" &
child=$!
wait "$child"

# Of the flags, those that `monobase ready` has too.
label='' left=$#
while [ "$left" -gt 0 ]; do
    flag=$1 left=$((left - 1))
    shift
    case $flag in
        --node-label | --node-label=*) label=1 ;;
    esac
    case $flag in
        --allow-skipped | --*=*) ;;
        --prefix | --data | --min-gen-id | --max-gen-id | --node-label)
            set -- "$@" "$flag" "$1"
            left=$((left - 1))
            shift
            continue
            ;;
        *) continue ;;
    esac
    case ${flag%%=*} in
        --allow-skipped | --prefix | --data | --min-gen-id | --max-gen-id | --node-label) set -- "$@" "$flag" ;;
    esac
done
while :; do
    sleep "${MONOBASE_WATCH_SECONDS:-60}" &
    child=$!
    wait "$child"
    if [ -n "$label" ]; then
        monobase ready "$@" >/dev/null &
        child=$!
        wait "$child" || :
    fi
done
