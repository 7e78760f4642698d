"""What several pages use: their frame, controls, charts, consent, shared resources."""
