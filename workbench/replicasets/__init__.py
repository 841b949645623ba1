"""Replica sets: workbenches that run as numbered versions of a container, and lose nothing.

service.py       ReplicaSets: every operation, for the API, the command line and the page
operations/      one operation a file: what it plans, reserves and does, step by step
saga.py          journalled steps: each operation is completed or undone, whatever crashes
reconcile.py     after a crash; reboot.py: after the machine's reboot
rebuild.py       after the store is gone, from the engine's labels
claims.py        who holds which GPUs, ports, CPUs, memory: changed under one ledger
containers.py    a version's container; amendments.py: limits that were changed while it ran
records.py       the keys of the store and what is at them
stores/          StateStore: SQLite, etcd
engines/         Engine: a small core; capabilities.py: what only some engines can do; podman/; GPUs from CDI specs
volumes/         drivers that keep a volume's size
rights.py        who may change what
values.py requests.py options.py checks.py codes.py errors.py settings.py
api/             the service over HTTP; client.py: its client, for the verbs
"""
