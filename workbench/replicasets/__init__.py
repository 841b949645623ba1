"""Replica sets: workbenches that run as numbered versions of a container, and lose nothing.

service.py       ReplicaSets: every operation, for the API, the command line and the page
requests.py      what callers request: one value an operation
options.py       the options of a set: bodies, records, lists and flags come from one table
operations/      the operations: what each plans, reserves and does, step by step
saga.py          journalled steps: each operation ends whole or is undone, past any crash
reconcile.py     after a crash                  reboot.py    after a reboot of the machine
rebuild.py       after the store is gone, from the engine's labels
claims.py        which sets hold which GPUs, ports, CPUs and memory: changed under one ledger
amendments.py    limits that were changed while a container ran
containers.py    a version's container          records.py   what is where in the store
listing.py       all sets and volumes, kept in memory
folders.py       the host's folders that are bound, by what was opened          roots.py   below which they are
images.py        names of images, and whose they are      networks.py  a network for each owner
stores/          StateStore: SQLite, etcd       volumes/     drivers that keep a volume's size
engines/         Engine: a small core; capabilities.py: what only some engines can do; podman/; GPUs from CDI specs
values.py        sets, versions, volumes, claims, and the caller
rights.py        what a caller may see, and what change
quantities.py checks.py codes.py errors.py settings.py
builds/          images built for whoever uses the service
api/             the service over HTTP          client.py    the client, for the verbs
"""
