#!/bin/sh
# Makes the root file system of Debian 13 in the folder $1, from Debian's packages and nothing else.
# The mirror is DEBIAN_MIRROR, else the one that this machine's apt has any Debian from, else debootstrap's own choice.
set -eu
rootfs=$1
suite=trixie

mirror=${DEBIAN_MIRROR:-}
if [ -z "$mirror" ] && command -v apt-get >/dev/null; then
    # A mirror has all that Debian supports, this machine's own release and others.
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 2>/dev/null |
        sed -nE 's/ (bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable)$//p' |
        sort -u | head -n 1)
fi

# shellcheck disable=SC2086  # no mirror means no word at all
debootstrap --variant=minbase --include=ca-certificates "$suite" "$rootfs" $mirror

# Manuals, documents but for licences, and translations: Debian's slim images have none.
for folder in doc info locale man; do
    find "$rootfs/usr/share/$folder" -mindepth 2 ! -type d ! -name copyright -delete
done

rm -rf "$rootfs"/var/lib/apt/lists/* "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/log/*.log
