"""What a network does with its input: gates, memory, gradients, importance."""
