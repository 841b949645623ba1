#!/bin/sh
# Installs the NVIDIA wheels of the list $1 as one toolkit in /usr/local/cuda, without pip knowing them:
# what a workbench installs later neither removes nor replaces a file of it.
# CUDA_VERSION (13.0.2) names the toolkit's folder. Pins of the list that a lower layer installed are left out.
set -eu
list=$1
home=/usr/local/cuda-${CUDA_VERSION%.*}
# The wheels' own records: which are installed, at which version, and NVIDIA's licences.
records=$home/share/wheels
scratch=$(mktemp -d /usr/local/wheels.XXXXXX)
mkdir -p "$home/lib" "$records"

while read -r line; do
    pin=${line%%[; ]*}
    record=$(echo "${pin%%==*}" | tr - _)-${pin##*==}.dist-info
    [ -d "$records/$record" ] || echo "$line"
done <"$list" >"$scratch/list"

# Gigabytes, over whatever line there is: one that is silent or breaks is waited for, and what came is kept.
pip config get global.timeout >/dev/null 2>&1 || export PIP_DEFAULT_TIMEOUT="${PIP_DEFAULT_TIMEOUT:-120}"
export PIP_RESUME_RETRIES=30
pip install --quiet --no-cache-dir --no-compile --no-deps --require-hashes \
    --target "$scratch/wheels" --requirement "$scratch/list"

mv "$scratch"/wheels/*.dist-info "$records/"
# From CUDA 13 most wheels share nvidia/cu13, the others have a folder each: they are one tree here, of links
# to the same files, so that none is there twice.
find "$scratch/wheels/nvidia" -name __init__.py -delete
for part in "$scratch"/wheels/nvidia/*/; do
    cp -al "$part." "$home/"
done
rm -rf "$scratch"

ln -sfn lib "$home/lib64"
ln -sfn "$home" /usr/local/cuda
echo /usr/local/cuda/lib64 >/etc/ld.so.conf.d/cuda.conf
ldconfig
