"""How events get in: HTTP collector, importer and their maps."""
