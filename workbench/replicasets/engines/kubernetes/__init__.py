"""Replica sets as Pods of a Kubernetes cluster."""
