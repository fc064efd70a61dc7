"""Videos that look alike and are not copies, beside true copies: a bench of its own, and data to calibrate with."""
