"""A Milvus server: on this machine without containers, in containers, and what a cluster needs (README.md)."""
