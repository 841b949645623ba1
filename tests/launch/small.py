"""A catalogue whose whole chain, from the root image to an IDE that serves a page, is busybox and takes seconds."""

from __future__ import annotations

from pathlib import Path

from tests.catalogues import RELEASE, make_catalogue

# A page at /, the probe at /api, both only with the token; and a file that shows where the work folder is.
_SERVER = """\
#!/bin/sh
mkdir -p /tmp/www/cgi-bin
echo '[ "${QUERY_STRING#*token=}" = "$WORKBENCH_TOKEN" ] && echo "in as $(id -u)"' >/tmp/page
printf '#!/bin/sh\\necho "Content-Type: text/plain"; echo; . /tmp/page\\n' >/tmp/www/cgi-bin/page
chmod +x /tmp/www/cgi-bin/page
echo '{}' >/tmp/www/api
httpd -f -p 8888 -h /tmp/www &
# The first process of a container has no signals but those that it takes: podman would wait ten seconds each time.
trap 'kill $!' TERM
wait $!
"""
_ROOT = """\
#!/bin/sh
set -eu
mkdir -p "$1/bin" "$1/etc" "$1/opt/app-root/src" "$1/opt/app-root/bin" "$1/tmp"
chmod 1777 "$1/tmp"
cp "$(command -v busybox)" "$1/bin/busybox"
for name in sh httpd id mkdir chmod cat sleep true chown; do ln -s busybox "$1/bin/$name"; done
printf 'root:x:0:0::/:/bin/sh\\ndefault:x:1001:0::/opt/app-root/src:/bin/sh\\n' >"$1/etc/passwd"
chown -R 1001:0 "$1/opt/app-root"
{wait}
echo made
"""
_BASE = """\
ARG ROOT_IMAGE=none
FROM ${ROOT_IMAGE}
ARG PYTHON=3.11
ARG PYTHON_TAG=py311
ENV HOME=/opt/app-root/src PATH=/bin
COPY ${PYTHON_TAG}/requirements.txt /tmp/
RUN true WAIT
USER 1001
WORKDIR /opt/app-root/src
"""
TAG = "editor-plain-bookworm-py311_2026a_20261122"
NAME = "editor-plain-bookworm-py311_2026a"


def small_catalogue(
    folder: Path, *, wait_root: str = "", wait_base: str = "", wait_image: str = "", wait_start: str = ""
) -> Path:
    """Make it below `folder`, and return its path; the waits are lines of shell in the middle of those steps."""
    release = RELEASE.replace('os = "c9s"', 'os = "bookworm"', 1).replace("docker.io/library", "127.0.0.1:9")
    return make_catalogue(
        folder,
        {
            "releases/2026a.toml": release,
            "base/bookworm/os-image.sh": _ROOT.replace("{wait}", wait_root),
            "base/bookworm/Containerfile": _BASE.replace("WAIT", f"&& {wait_base}" if wait_base else ""),
            "base/bookworm/py311/requirements.txt": "",
            "bundles/os_packages.snippet": "USER 0\nCOPY os-packages.txt ./\n",
            "bundles/python_packages.snippet": f"USER 1001\nCOPY requirements.txt ./\nRUN true {wait_image}\n",
            "ides/1-editor/editor.snippet": (
                "USER 1001\nCOPY start.sh /opt/app-root/bin/\nEXPOSE 8888\nWORKDIR /opt/app-root/src\n"
                'ENTRYPOINT ["/opt/app-root/bin/start.sh"]\n'
            ),
            "ides/1-editor/files/start.sh": _SERVER.replace("#!/bin/sh\n", f"#!/bin/sh\n{wait_start}\n", 1),
        },
    )
