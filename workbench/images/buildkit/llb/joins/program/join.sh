#!/bin/sh
# Lays what some trees have changed over another one: see join.py, which does it where the base has a Python.
# Elsewhere this does it with what busybox has, or coreutils with findutils, awk and GNU tar.
# It does not take names with a newline, nor, with busybox, extended attributes and times below a second.
#
#     join.sh apply|compare REPORT LOWER UPPER [LOWER UPPER ...]
set -eu
export LC_ALL=C
# A base may have its Python off the path, or under its version alone.
for python in ${JOIN_PYTHONS-python3 python /usr/libexec/platform-python /opt/*/bin/python3 /usr/bin/python3.[0-9]*}; do
    if "$python" -IS -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null; then
        exec "$python" -ISB "${0%/*}/join.py" "$@"
    fi
done
gnu=
if tar --version 2>/dev/null | grep -q GNU; then gnu=yes; fi
lacking=
for tool in awk chmod chown cmp find grep mkdir readlink rm sed sort stat touch tr xargs ${gnu:-cpio}; do
    [ "$tool" != yes ] || continue
    command -v "$tool" >/dev/null || lacking="$lacking $tool"
done
if [ -n "$lacking" ]; then
    echo "join: the base has no Python from 3.7 on, and without it lacks$lacking" >&2
    exit 69
fi
mode=$1 report=$2
shift 2
work=${TMPDIR:-/tmp}/join.$$
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
tab=$(printf '\t')
newline='
'
# type and mode, user, group, size, links, device, changed, touched and inode, path
format="%f$tab%u$tab%g$tab%s$tab%h$tab%t:%T$tab%y$tab%z %i$tab%n"

manifest() {
    if (cd "$1" && find . -name "*$newline*") | grep -q .; then
        echo "join: a name with a newline, which takes a Python in the base" >&2
        exit 65
    fi
    (cd "$1" && find . -exec stat -c "$format" {} +)
}

# Drops the questions of a list whose answer is that two files are the same; the rest are changes.
answered() { # LOWER UPPER
    while IFS= read -r line; do
        kind=${line%%"$tab"*} path=${line#*"$tab"*"$tab"}
        if [ "$kind" = Q ]; then
            if [ -L "$2/$path" ]; then
                [ "$(readlink "$1/$path")" != "$(readlink "$2/$path")" ] || continue
            elif [ -f "$2/$path" ]; then
                ! cmp -s "$1/$path" "$2/$path" || continue
            else
                continue
            fi
            line="N${line#Q}"
        fi
        printf '%s\n' "$line"
    done
}

# kind, attributes, path: R removed, N new or changed, D the same of a folder, T a folder that something changed in
changes() { # LOWER'S MANIFEST, UPPER'S
    awk -F '\t' '
        { path = $0; for (i = 1; i < 9; i++) sub(/^[^\t]*\t/, "", path) }
        { own = $1 " " $2 " " $3; folder = substr($1, 1, 1) == "4" }
        NR == FNR { a[path] = own; b[path] = $4 " " $6 " " $7; m[path] = $7; c[path] = $8; l[path] = $5; next }
        { seen[path] }
        !(path in a) || a[path] != own { print (folder ? "D" : "N") "\t" own "\t" path; next }
        folder { if (m[path] != $7) print "T\t" own "\t" path; next }
        b[path] != $4 " " $6 " " $7 { print "N\t" own "\t" path; next }
        c[path] != $8 { print (l[path] != $5 ? "N" : "Q") "\t" own "\t" path }
        END { for (path in a) if (!(path in seen)) print "R\t-\t" path }
    ' "$1" "$2"
}

# Paths that both change, and not to the same; Q where that takes reading them.
clashes() { # CHANGES CHANGES
    awk -F '\t' '
        { path = $0; sub(/^[^\t]*\t[^\t]*\t/, "", path) }
        $1 == "T" { next }
        NR == FNR { kind[path] = $1; own[path] = $2; next }
        { kind2[path] = $1 }
        path in kind {
            if ($1 != kind[path] || $2 != own[path]) print "N\t-\t" path
            else if ($1 == "N") print "Q\t-\t" path
        }
        function buried(path, taken) {
            while (sub("/[^/]*$", "", path)) if (path in taken && taken[path] ~ /[RN]/) return 1
            return 0
        }
        END {
            for (path in kind) all[path]
            for (path in kind2) all[path]
            for (path in all) {
                if (path in kind && path in kind2) continue
                if (path in kind && kind[path] != "R" && buried(path, kind2)) print "N\t-\t" path
                if (path in kind2 && kind2[path] != "R" && buried(path, kind)) print "N\t-\t" path
            }
        }
    ' "$1" "$2"
}

# What has to go from a tree before changes are made to it, what is copied, which folders get their times back.
plan() { # CHANGES, MANIFEST OF THE TREE
    awk -F '\t' -v work="$work" '
        NR == FNR { sub(/^[^\t]*\t[^\t]*\t/, ""); change[$0]; next }
        { path = $0; for (i = 1; i < 9; i++) sub(/^[^\t]*\t/, "", path) }
        { there[path] = substr($1, 1, 1) == "4" ? "folder" : "file" }
        function kind_of(path) { return path in there ? there[path] : "" }
        END {
            while ((getline line < ARGV[1]) > 0) {
                kind = substr(line, 1, 1); path = line; sub(/^[^\t]*\t[^\t]*\t/, "", path)
                if (kind == "T") { if (kind_of(path) == "folder") times[path]; continue }
                if (kind == "R") { if (path in there) gone[path]; continue }
                if (kind_of(path) == "file" || (kind == "N" && path in there)) gone[path]
                copied[path]
                if (kind == "D") times[path]
                while (sub("/[^/]*$", "", path)) {
                    if (kind_of(path) == "folder") continue
                    if (path in there) gone[path]
                    copied[path]; times[path]
                }
            }
            for (path in gone) print path > (work "/gone")
            for (path in copied) print path > (work "/copied")
            for (path in times) print path > (work "/times")
        }
    ' "$1" "$2"
}

number=0
while [ $# -gt 0 ]; do
    eval "lower$number=\$1 upper$number=\$2"
    manifest "$1" >"$work/lower"
    manifest "$2" >"$work/upper"
    changes "$work/lower" "$work/upper" | answered "$1" "$2" >"$work/changes$number"
    number=$((number + 1))
    shift 2
done

: >"$work/conflicts"
second=1
while [ $second -lt $number ]; do
    first=0
    while [ $first -lt $second ]; do
        eval "one=\$upper$first other=\$upper$second"
        clashes "$work/changes$first" "$work/changes$second" | answered "$one" "$other" | sort |
            while IFS= read -r line; do
                path=${line#*"$tab"*"$tab".}
                printf '%s,%s %s\n' $first $second "${path:-/}"
            done >>"$work/conflicts"
        first=$((first + 1))
    done
    second=$((second + 1))
done
{
    awk 'END { print NR }' "$work/conflicts"
    awk 'NR <= 1000' "$work/conflicts" | sed 's/\\/\\\\/g'
} >"$report/conflicts"
awk 'NR <= 1000 { n = split($1, of, ","); sub(/^[^ ]* /, ""); print "join: branches " of[1] + 1 " and " of[n] + 1 " both change " $0 }' \
    "$work/conflicts"

# Both take a list of names, a line each, and neither goes into folders by itself.
pack() {
    if [ -n "$gnu" ]; then
        tar -c -f - --format=posix --numeric-owner --xattrs --acls --no-recursion --verbatim-files-from --no-unquote -T "$1"
    else
        cpio -o -H newc <"$1" 2>/dev/null
    fi
}
unpack() {
    if [ -n "$gnu" ]; then
        tar -x -p -f - --numeric-owner --xattrs '--xattrs-include=*' --acls
    else
        cpio -i -d -m -u 2>/dev/null
    fi
}

current=1
while [ "$mode" = apply ] && [ $current -lt $number ]; do
    eval "source=\$upper$current"
    manifest "$upper0" >"$work/there"
    : >"$work/gone" && : >"$work/copied" && : >"$work/times"
    plan "$work/changes$current" "$work/there"
    (cd "$upper0" && tr '\n' '\0' <"$work/gone" | xargs -0 rm -rf --)
    sort "$work/copied" >"$work/sorted"
    if [ -s "$work/sorted" ]; then
        { (cd "$source" && pack "$work/sorted") || echo failed >"$work/failed"; } | (cd "$upper0" && unpack)
        if [ -s "$work/failed" ]; then
            echo "join: a branch could not be read" >&2
            exit 74
        fi
    fi
    # A folder that is made in a set-group-ID one inherits that, which GNU tar does not see.
    while IFS= read -r path; do
        if [ -g "$upper0/$path" ] && ! [ -g "$source/$path" ] && ! [ -L "$upper0/$path" ]; then
            chmod g-s "$upper0/$path"
        fi
    done <"$work/sorted"
    # busybox leaves links to whoever unpacks them.
    [ -n "$gnu" ] || awk -F '\t' '$1 == "N" && $2 ~ /^a/ { print }' "$work/changes$current" |
        while IFS= read -r line; do
            path=${line#*"$tab"*"$tab"} owner=${line%"$tab$path"}
            owner=${owner#*"$tab"* }
            chown -h "${owner%% *}:${owner##* }" "$upper0/$path"
        done
    while IFS= read -r path; do
        touch -c -r "$source/$path" "$upper0/$path"
    done <"$work/times"
    current=$((current + 1))
done
echo "join: done with the shell, $number branches"
