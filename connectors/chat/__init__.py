"""Chat vendors, one per file."""
