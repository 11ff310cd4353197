"""Grammars of formats that several vendors write into their elements: bytes in, layout out, no vendor's facts."""
