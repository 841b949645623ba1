"""Measurements: every figure is a ratio against a named peer or limit of the same run."""
