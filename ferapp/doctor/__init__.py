"""What this installation is and what is wrong with it: a report fit for a bug report."""
