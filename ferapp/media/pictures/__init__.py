"""Pictures: their formats, and from what a file holds to upright eight bits of sRGB."""
