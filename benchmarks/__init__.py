"""Benchmarks: what Kizuna does in a second on this machine, and where the time goes. Never a test."""
