"""What is fetched from a vendor rather than told by it: history, and what a lost webhook would have said."""
