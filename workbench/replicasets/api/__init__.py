"""Replica sets over HTTP: the paths, bodies and codes of gpu-docker-api, with real statuses and a lock on the door.

app.py        the application         gate.py       tokens, roles, limits and the audit log, before all else
sets.py volumes.py resources.py       one endpoint a function: it calls ReplicaSets and shapes the answer
health.py     /healthz /readyz /metrics /ping, and the page
bodies.py     what clients send       answers.py    what they get; shapes.py makes it from our values
streaming.py  output as it comes
failures.py   errors as answers       tokens.py     who may do what      audit.py  who did what
serving.py    a listening socket, podman's API, and reconciling now and then
tls.py        whether the certificate is one
page/         the page: one HTML file, its script and style
"""
