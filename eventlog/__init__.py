"""The log, the truth: port, topics, and one adapter a store of records."""
