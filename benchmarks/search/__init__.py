"""How candidates are found: what a search may leave out."""
