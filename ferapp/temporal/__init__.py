"""What only time can tell: who is who, and what holds. Clocks come in as arguments."""
