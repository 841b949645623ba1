"""Where the state of replica sets is kept: one protocol, SQLite by default, etcd as an option."""
