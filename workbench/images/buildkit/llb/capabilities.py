"""The capabilities of LLB that graphs may need, by BuildKit's names for them.

A daemon ignores an undeclared field that it does not know, and reports a declared capability that it lacks
by name: so every vertex declares what it uses.
"""

from __future__ import annotations

from collections.abc import Collection

from workbench.images.buildkit.llb.pb import ops_pb2 as pb

IMAGE = "source.image"
IMAGE_RESOLVE_MODE = "source.image.resolvemode"
LOCAL = "source.local"
LOCAL_INCLUDE = "source.local.includepatterns"
LOCAL_EXCLUDE = "source.local.excludepatterns"
LOCAL_SHARED_KEY = "source.local.sharedkeyhint"
HTTP = "source.http"
HTTP_CHECKSUM = "source.http.checksum"
GIT = "source.git"
GIT_FULL_URL = "source.git.fullurl"
GIT_KEEP = "source.git.keepgitdir"
GIT_FOLDER = "source.git.subdir"
GIT_CHECKSUM = "source.git.checksum"
HTTP_PERMISSIONS = "source.http.perm"
EXEC = "exec.meta.base"
EXEC_DEFAULT_PATH = "exec.meta.setsdefaultpath"
EXEC_NETWORK = "exec.meta.network"
EXEC_PROXY = "exec.meta.proxyenv"
EXEC_SECRET_ENV = "exec.secretenv"
MOUNT_BIND = "exec.mount.bind"
MOUNT_CACHE = "exec.mount.cache"
MOUNT_CACHE_SHARING = "exec.mount.cache.sharing"
MOUNT_CONTENT_CACHE = "exec.mount.cache.content"
MOUNT_SECRET = "exec.mount.secret"
MOUNT_SELECTOR = "exec.mount.selector"
MOUNT_SSH = "exec.mount.ssh"
MOUNT_TMPFS = "exec.mount.tmpfs"
MOUNT_TMPFS_SIZE = "exec.mount.tmpfs.size"
FILE = "file.base"
FILE_PATTERNS = "file.copy.includeexcludepatterns"
# Modes as text are older than this and have no entry of their own (BuildKit 0.32 knows and does not list it).
FILE_MODE_TEXT = "file.copy.requiredpaths"
FILE_RM_WILDCARD = "file.rm.wildcard"
FILE_SYMLINK = "file.symlink.create"
MERGE = "mergeop"
DIFF = "diffop"
DESCRIPTION = "meta.description"
IGNORE_CACHE = "meta.ignorecache"
# The key of a vertex's name, which progress displays show.
NAME = "llb.customname"


def capabilities_of(definition: pb.Definition) -> frozenset[str]:
    """Return every capability that the graph declares."""
    return frozenset(cap for one in definition.metadata.values() for cap, needed in one.caps.items() if needed)


def missing(definition: pb.Definition, enabled: Collection[str]) -> dict[str, str]:
    """Return what the graph needs and a daemon with the `enabled` capabilities lacks.

    By capability, in order: the name of the first vertex that needs it, or its digest when it has no name.
    """
    found: dict[str, str] = {}
    for digest, one in definition.metadata.items():
        for capability in one.caps:
            if capability not in enabled:
                found[capability] = min(found.get(capability, "\uffff"), one.description.get(NAME, digest))
    return dict(sorted(found.items()))
