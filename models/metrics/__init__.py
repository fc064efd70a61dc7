"""How good a run is: segment and retrieval metrics, one report of them all, and the files they are read from."""
