"""The shared language: envelope, event catalogue, definitions, upcasting, codec, errors. Pure."""
