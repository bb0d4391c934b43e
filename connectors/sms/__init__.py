"""sms vendors, one per file."""
