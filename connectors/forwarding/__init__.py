"""Webhooks out: events and flows' webhook steps, told to other systems, signed and until they are taken."""
