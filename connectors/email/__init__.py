"""E-mail vendors, one per file."""
