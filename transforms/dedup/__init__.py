"""Uploads as they come in: where they come from, what becomes of them."""
