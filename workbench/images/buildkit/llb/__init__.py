"""BuildKit's low-level build graph from Python; this room knows no recipe and no Containerfile."""
