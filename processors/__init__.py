"""The stream processors: projector, access, progress."""
