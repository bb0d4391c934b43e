"""What SQL cannot say about the effect of messages: intervals, power, and the truth of a simulated shop."""
