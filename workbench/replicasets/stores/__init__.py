"""Where the truth is kept: one protocol, SQLite by default, etcd as an option."""
