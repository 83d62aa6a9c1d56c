"""DuckDB read models: the store, the fold, named queries, rebuild."""
