"""Uploads as they come: watched, told apart by content, searched for once they are stored, and judged."""
