"""Side by side with peers and physical limits: CPU seconds, wall seconds, memory, growth.

Never a timed test: figures are printed and kept in docs/performance.md, with the command that
makes them again. Ratios are taken within one run on one machine, as medians of paired runs.
"""
