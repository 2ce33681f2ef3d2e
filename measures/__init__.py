"""Pure statistics on arrays and tables. No Django, files, clock, or global randomness."""
