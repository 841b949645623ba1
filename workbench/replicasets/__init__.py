"""Replica sets: workbenches that run as numbered versions of a container, and lose nothing.

service.py       ReplicaSets: every operation, for the API, the command line and the page
operations/      one operation a file: what it plans, reserves and does, step by step
saga.py          journalled steps: each operation ends whole or is undone, past any crash
reconcile.py     after a crash; reboot.py: after the machine's reboot
rebuild.py       after the store is gone, from the engine's labels
claims.py        who holds which GPUs, ports, CPUs, memory: changed under one ledger
amendments.py    limits changed while it ran
containers.py    a version's container          records.py   what stands where in the store
store/           Store: SQLite, etcd            volumes/     drivers that keep a volume's size
engine/          Engine: podman's REST API; GPUs from CDI specs
rights.py       who may change what
values.py checks.py codes.py errors.py settings.py
api/             the service over HTTP   client.py  what the verbs ask it with
"""
