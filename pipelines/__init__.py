"""What a person runs: index and match, and the command line over them."""
