"""Flows: the words of their YAML, the rows they compile to, and what people read of them."""
