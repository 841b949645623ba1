#!/bin/sh
# The names that a linker looks for, libcublas.so beside libcublas.so.13: the wheels carry only the latter.
set -eu
for library in /usr/local/cuda/lib64/*.so.*; do
    plain=${library%%.so.*}.so
    [ -e "$plain" ] || ln -s "$(basename "$library")" "$plain"
done
