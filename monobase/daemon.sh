#!/bin/sh
# Fills the prefix of a node, then stays: `daemon.sh FLAGS…` are the flags of `monobase build`. The readiness
# probe, `monobase ready`, says when it is done. A build that is interrupted continues the next time.
# With --node-label it looks every minute whether the node is still ready, and takes the label away when not;
# with --metrics-file it writes the metrics again each time.
# Once an hour it runs `verify --quick`, and reads one of 168 parts of the files: each of them once a week.
# MONOBASE_VERIFY_SECONDS (0: never) and MONOBASE_VERIFY_PARTS change that.
# With --max-size and a range it prunes the prefix down to that size then too: what was in use may not be any more.
set -eu
child=
trap 'kill "$child" 2>/dev/null || :; wait "$child" || :; exit 143' TERM INT
monobase build "$@" &
child=$!
wait "$child"

# Run a verb of monobase with those of the flags that it has: `with VERB "FLAGS" "FLAGS WITH A VALUE" ALL…`
with() {
    verb=$1 plain=$2 valued=$3
    shift 3
    left=$#
    while [ "$left" -gt 0 ]; do
        flag=$1 left=$((left - 1))
        shift
        case " $plain " in
            *" $flag "*) set -- "$@" "$flag" ;;
        esac
        case " $valued " in
            *" ${flag%%=*} "*) ;;
            *) continue ;;
        esac
        set -- "$@" "$flag"
        case $flag in
            *=*) ;;
            *)
                set -- "$@" "$1"
                left=$((left - 1))
                shift
                ;;
        esac
    done
    # shellcheck disable=SC2086 # a verb with its first flags
    exec monobase $verb "$@"
}

watched='' capped='' ranged=''
for flag; do
    case $flag in
        --node-label | --node-label=* | --metrics-file | --metrics-file=*) watched=1 ;;
        --max-size | --max-size=*) capped=1 ;;
        --min-gen-id | --min-gen-id=* | --max-gen-id | --max-gen-id=*) ranged=1 ;;
    esac
done
ranges='--prefix --min-gen-id --max-gen-id'
every=${MONOBASE_VERIFY_SECONDS:-3600} parts=${MONOBASE_VERIFY_PARTS:-168}
turn=$(date +%s)
[ "$every" -eq 0 ] || turn=$((turn / every))
while :; do
    sleep "${MONOBASE_WATCH_SECONDS:-60}" &
    child=$!
    wait "$child"
    if [ "$every" -ne 0 ] && now=$(($(date +%s) / every)) && [ "$now" -ne "$turn" ]; then
        turn=$now
        # What is damaged is named on standard error; the models' disk comes first.
        (with "verify --part $((turn % parts + 1))/$parts" '' '--prefix --data' "$@") >/dev/null &
        child=$!
        renice -n 19 -p "$child" >/dev/null 2>&1 || :
        wait "$child" || :
        if [ -n "$capped" ] && [ -n "$ranged" ]; then
            (with prune '' "$ranges --max-size --grace" "$@") &
            child=$!
            wait "$child" || :
        fi
    fi
    if [ -n "$watched" ]; then
        (with ready --allow-skipped "$ranges --data --node-label --metrics-file" "$@") >/dev/null &
        child=$!
        wait "$child" || :
    fi
done
