"""nginx's configuration: text from settings."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from workbench_front.login import LOGIN
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

    # What a person asked for, and no heartbeat, is told to the front: the culler goes by it. It gets no address,
    # which may hold a token.
    map $uri $activity {{
        default 1;
{heartbeats}    }}
    log_format activity $status;

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

{upstream}{proxies}
    server {{
        {listen}
        # The platform's port and scheme are not ours, so redirects name a path only.
        absolute_redirect off;
        client_max_body_size 0;
        access_log off;

        location = {prefix}/api {{ proxy_pass http://unix:{folder}/probes.sock:/api; }}
        location = {prefix}/api/ {{ proxy_pass http://unix:{folder}/probes.sock:/api; }}
        location = {prefix}/api/kernels {{ {check} proxy_pass http://unix:{folder}/probes.sock:/api/kernels; }}
        location = {prefix}/api/kernels/ {{ {check} proxy_pass http://unix:{folder}/probes.sock:/api/kernels; }}
        # Kubeflow's culler counts terminals too, and a request of its is no use of the IDE.
        location = {prefix}/api/terminals {{ {check} proxy_pass http://unix:{folder}/probes.sock:/api/terminals; }}
{access}{outside}
        location {prefix}/ {{
            {refuse}
            {check}
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
            {clean}
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
        location = {prefix} {{
            add_header Referrer-Policy no-referrer always;
            return 302 {prefix}/$is_args$args;
        }}
        location / {{ return 404; }}
"""
# Who gets in is for the front to say: nginx asks it, and shows its page to everybody else.
_UPSTREAM = """\
    upstream front_access {{
        server unix:{folder}/access.sock;
        keepalive 8;
    }}
"""
_ACCESS = """\
        location = /_workbench/check {{
            internal;
            proxy_pass http://front_access;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Front-Step check;
            # The cookies come back in the response's headers.
            proxy_buffer_size 64k;
            proxy_buffers 2 64k;
            proxy_busy_buffers_size 64k;
{asked}        }}
        location @access {{
            proxy_pass http://front_access;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Front-Step page;
{asked}        }}
        location = {prefix}{login} {{
            client_max_body_size 16k;
            proxy_pass http://front_access;
            proxy_set_header X-Front-Step login;
{asked}        }}
"""
_ASKED = """\
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $outer_scheme;
            proxy_set_header X-Front-Method $request_method;
            proxy_set_header X-Front-Uri $request_uri;
            proxy_set_header X-Front-Upgrade $http_upgrade;
"""
_CHECK = "auth_request /_workbench/check; error_page 401 403 = @access;"
_CLEAN = """\
auth_request_set $front_cookie $upstream_http_x_front_cookie;
            auth_request_set $front_authorization $upstream_http_x_front_authorization;
            proxy_set_header Cookie $front_cookie;
            proxy_set_header Authorization $front_authorization;
            # A page elsewhere that shows the IDE in a frame could have people click in it.
            add_header Content-Security-Policy "frame-ancestors 'self'" always;
"""
# CVE-2025-47269: what follows must be a port and nothing else, or `80@HOST` makes a request to another host of it.
# As the browser wrote it and as nginx reads it, for the server may read it either way.
_PROXIES = """\
    map $request_uri $foreign_written {{
        default 0;
        "~*^{prefix}{paths}/++(?![0-9]{{1,5}}(?:[/?]|$))" 1;
    }}
    map $uri $foreign_read {{
        default 0;
        "~*^{prefix}{paths}/++(?![0-9]{{1,5}}(?:/|$))" 1;
    }}
"""
_REFUSE = "if ($foreign_written) { return 400; } if ($foreign_read) { return 400; }"


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
        listen=" ".join(f"listen {address};" for address in _addresses(settings.port)),
        upstream=_UPSTREAM.format(folder=folder) if settings.token else "",
        access=_ACCESS.format(prefix=prefix, login=LOGIN, asked=_ASKED) if settings.token else "",
        check=_CHECK if settings.token else "",
        clean=_CLEAN if settings.token else "",
        proxies=_proxies(settings),
        refuse=_REFUSE if settings.port_proxies else "",
        prefix=prefix,
        stripped=prefix if strip else "",
        outside=_OUTSIDE.format(prefix=prefix) if prefix else "",
        server_port=settings.server_port,
        redirects="\n".join(redirects),
    )


def _addresses(port: int) -> list[str]:
    """Return where to listen: on both families, but for IPv6 where the kernel has none."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as found:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            found.bind(("::", 0))
    except OSError:
        return [f"0.0.0.0:{port}"]
    return [f"0.0.0.0:{port}", f"[::]:{port} ipv6only=on"]


def _proxies(settings: Settings) -> str:
    """Return the maps that find requests to other hosts below the paths where local ports are proxied."""
    if not settings.port_proxies:
        return ""
    paths = "|".join(re.escape(path.strip("/")) for path in settings.port_proxies)
    return _PROXIES.format(prefix=re.escape(settings.prefix), paths=f"/+(?:{paths})")


def _pattern(path: str) -> str:
    """Return the regular expression of `path`, in which `*` is any one of its parts."""
    return re.escape(path).replace(r"\*", "[^/]+")
