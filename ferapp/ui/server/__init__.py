"""What the server does around the pages: headers, limits, login, metrics, logs, clean-up."""
