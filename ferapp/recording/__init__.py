"""What leaves ferapp as a file."""
