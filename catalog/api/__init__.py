"""The catalog over REST: data sets, members, definitions, uploads, runs, tokens."""
