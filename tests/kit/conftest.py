"""The plugin under ``plugin`` is a project of its own: its tests run where it is on the path, see ``test_plugin``."""

collect_ignore = ["plugin"]
