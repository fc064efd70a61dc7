"""What a machine or a cluster needs."""
