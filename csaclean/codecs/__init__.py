"""Codecs: reversible transformations between the bytes of a file and a row that a grammar can read."""
