"""From an untrusted file to frames on the 8 fps grid: staging, probing, cutting into ranges, decoding. No Beam here."""
