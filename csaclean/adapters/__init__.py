"""Bridges to other projects' objects. Each imports its project only when it is used."""
