"""Exact search of a local gallery: its embeddings in one memory-mapped file, and blocked products."""
