#!/bin/sh
# Installs what tests/system-packages.txt lists, when this machine lets us: Debian or Ubuntu, as root.
# Anywhere else it names what is missing and goes on: the tests that need it say so when they skip.
set -eu
list=$(dirname "$0")/system-packages.txt

missing=
while read -r package command; do
    case "$package" in ''|'#'*) continue ;; esac
    if [ "$command" = - ]; then
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    else
        PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || missing="$missing $package"
    fi
done <"$list"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed, and only root on Debian or Ubuntu may install them here:$missing" >&2
    exit 0
fi
echo "installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of package names, one word each
apt-get install -y -qq --no-install-recommends $missing >/dev/null
