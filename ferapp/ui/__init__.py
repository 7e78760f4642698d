"""The app: one folder a page, what pages share, and what the server does around them."""
