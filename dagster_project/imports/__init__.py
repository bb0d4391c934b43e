"""Adapters that turn foreign data into landing files of events."""
