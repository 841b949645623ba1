#!/bin/sh
# Runs the server that is given, and when it is told to end, lets the R sessions save themselves before.
# The front kills what is left after 7 seconds, so they have 4.
set -u

"$@" &
server=$!

suspend() {
    # RStudio's own signal for it: the session writes its state to the home folder and ends.
    pkill -USR1 -u "$(id -u)" -x rsession
    for _ in 1 2 3 4 5 6 7 8; do
        pgrep -u "$(id -u)" -x rsession >/dev/null || break
        sleep 0.5
    done
    kill -TERM "$server"
}
trap suspend TERM INT

# A signal ends the waiting too, and then the server is still there.
while :; do
    wait "$server"
    status=$?
    kill -0 "$server" 2>/dev/null || exit "$status"
done
