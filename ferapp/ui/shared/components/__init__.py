"""What the components of our own share: reading their files, and what the browser sends."""
