"""What a proposed state becomes: a table of pure functions. No I/O, no clock of their own."""
