"""Replica sets over HTTP: the paths, bodies and codes of gpu-docker-api, with HTTP statuses, tokens and roles.

app.py        the application         gate.py       tokens, roles, limits and the audit log, before all else
sets.py volumes.py resources.py       one endpoint a function: it calls ReplicaSets and returns the response
builds.py build_shapes.py  images built from recipes
context.py    what endpoints are given: the service, the caller, the audit log
health.py     /healthz /readyz /metrics /ping, and the page
bodies.py     what clients send       responses.py  what they get; shapes.py makes it of our values
streaming.py  output as it comes      lanes.py      slots and queues        strangers.py  who has no token
pages.py      lists with ETags        events.py following.py  changes as they happen
probes.py     looked up once for all  connections.py  idle ones are closed    compat.py   the original's words
failures.py   errors as responses     tokens.py token_texts.py   names, roles and quotas    audit.py  who did what
serving.py    a listening socket, and reconciling at intervals
tls.py        checks of the certificate
entering.py proxy/   the IDEs of sets, at an address of their own
page/         the page: one HTML file, its scripts and style
"""
