"""The laboratory: the ways of five tutorials beside ours, under one protocol."""
