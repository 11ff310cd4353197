"""The proof: nothing is written unless each stage holds.

``rows`` compares the old and the new layout of every claimed element at every level; ``witness`` asks another project's
reader; ``converter`` looks fields up as a converter does; ``written`` reads the file back.
"""
