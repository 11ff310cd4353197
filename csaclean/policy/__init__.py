"""Rules say what a field gives away, policies say what happens to it, fills are what is written in its place."""
