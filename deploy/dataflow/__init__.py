"""Dataflow: the flex template's launcher, and a rehearsal of a job without a cloud (README.md)."""
