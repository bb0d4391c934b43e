"""A seeded shop whose customers react to messages with effects that are known, because they were chosen.

The simulator acts only from outside, as a real shop would: it writes landing files and reads delivered mails.
What it knows and Millrace does not (which order was caused by which flow) goes to `truth.json`, so that the
measured lift can be laid beside the true one.
"""
