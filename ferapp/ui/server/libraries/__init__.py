"""What is used of libraries beyond their documented interface."""
