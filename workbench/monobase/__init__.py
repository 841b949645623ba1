"""Immutable generations of environments, hard-linked on a host and mounted read-only by weightless images."""
