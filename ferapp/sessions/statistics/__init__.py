"""Statistics of sessions: means over time, over faces and over events, with intervals."""
