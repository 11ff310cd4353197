"""What a run did, in words and in JSON: counts, selectors and offsets, never a value of a file."""
