"""nginx's configuration: text from settings."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench_front.settings import Settings

_HTTP = """\
daemon off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server_tokens off;

    # What a person asked for, and no heartbeat, is told to the front: the culler goes by it.
    map $uri $activity {{
        default 1;
{heartbeats}    }}
    log_format activity escape=json '{{"status": $status, "uri": "$request_uri"}}';

    # The platform ends TLS: which scheme the browser sees, only it knows.
    map $http_x_forwarded_proto $outer_scheme {{
        default $http_x_forwarded_proto;
        "" $scheme;
    }}
    map $http_upgrade $connection_header {{
        default upgrade;
        "" close;
    }}
    # As the browser wrote it: nginx would turn %2F into a slash.
    map $request_uri $server_uri {{
        default /;
        ~^{asked}(?<below>/.*)$ {given}$below;
    }}

    server {{
        listen {port};
        # The platform's port and scheme are not ours, so redirects name a path only.
        absolute_redirect off;
        client_max_body_size 0;
        access_log off;

        location = {prefix}/api {{ proxy_pass http://unix:{folder}/probes.sock:/api; }}
        location = {prefix}/api/ {{ proxy_pass http://unix:{folder}/probes.sock:/api; }}
        location = {prefix}/api/kernels {{ proxy_pass http://unix:{folder}/probes.sock:/api/kernels; }}
        location = {prefix}/api/kernels/ {{ proxy_pass http://unix:{folder}/probes.sock:/api/kernels; }}
{outside}
        location {prefix}/ {{
            access_log syslog:server=unix:{folder}/log.sock,nohostname activity if=$activity;
            proxy_pass http://127.0.0.1:{server_port}$server_uri;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_header;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Proto $outer_scheme;
            proxy_set_header X-Forwarded-Prefix "{stripped}";
{redirects}
            # Answers that trickle, and WebSockets that are silent for days.
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 20d;
            proxy_send_timeout 20d;
        }}
    }}
}}
"""
# Whatever is outside the prefix belongs to somebody else, but for the one address that people type.
_OUTSIDE = """\
        location = / {{ return 302 {prefix}/; }}
        location = {prefix} {{ return 302 {prefix}/$is_args$args; }}
        location / {{ return 404; }}
"""


# Started as root, nginx would become nobody, who may not enter our folder.
_AS_ROOT = "user root root;\n"


def configuration(settings: Settings, folder: Path) -> str:
    """Return the whole nginx.conf of `settings`, which writes below `folder` only."""
    prefix, strip = settings.prefix, settings.strip
    # A server that is asked without the prefix redirects without it too, unless it was told its place.
    root = f"{prefix}/" if strip else "/"
    roots = dict.fromkeys([root, "/"])
    own = [f"{scheme}://{host}" for scheme in ("http", "https") for host in ("$http_host", "127.0.0.1:$proxy_port")]
    redirects = [f"            proxy_redirect {origin}{path} {root};" for path in roots for origin in [*own, ""]]
    heartbeats = [f"        ~^{_pattern(prefix + path.rstrip('/'))}/?$ 0;\n" for path in settings.heartbeats]
    return _HTTP.format(
        folder=folder,
        user=_AS_ROOT if os.geteuid() == 0 else "",
        heartbeats="".join(heartbeats),
        asked=re.escape(prefix),
        given="" if strip else prefix,
        port=settings.port,
        prefix=prefix,
        stripped=prefix if strip else "",
        outside=_OUTSIDE.format(prefix=prefix) if prefix else "",
        server_port=settings.server_port,
        redirects="\n".join(redirects),
    )


def _pattern(path: str) -> str:
    """Return the regular expression of `path`, in which `*` is any one of its parts."""
    return re.escape(path).replace(r"\*", "[^/]+")
