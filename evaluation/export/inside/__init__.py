"""Modules that travel with an exported design. Here they stand around linear attention, so that they run and are read
like any other; in a package, the design's own program takes that place, and imports are relative.
"""
