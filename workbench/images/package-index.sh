# Prints each of "$@" that the system's own package manager cannot find, a line each; run as root in the system's image.
# Exit code 3: it has none of the known managers. Anything else but 0: its index cannot be read.
set -eu
export LC_ALL=C
report=$(mktemp)
if command -v apt-get >/dev/null; then
    apt-get update >&2
    # All faults of names are reported at once, and nothing is installed (apt 2.6).
    apt-get install --simulate --no-install-recommends "$@" >"$report" 2>&1 || true
    sed -n \
        -e "s/^E: Unable to locate package \([^ ]*\)$/\1/p" \
        -e "s/^E: Package '\([^']*\)' has no installation candidate$/\1/p" \
        -e "s/^E: Version '\([^']*\)' for '\([^']*\)' was not found$/\2=\1/p" \
        -e "s|^E: Release '\([^']*\)' for '\([^']*\)' was not found$|\2/\1|p" \
        "$report" | sort -u
elif command -v dnf >/dev/null; then
    dnf makecache >&2
    dnf install --assumeno "$@" >"$report" 2>&1 || true
    sed -n "s/^No match for argument: \(.*\)$/\1/p" "$report" | sort -u
else
    exit 3
fi
