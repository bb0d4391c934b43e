"""push vendors, one per file."""
