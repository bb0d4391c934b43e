"""What a customer is likely to do next: one model per file, all judged alike before they are believed."""
