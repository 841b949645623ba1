"""Composition: a catalogue and a selection become a recipe. No clock, no network, no disk of its own."""
