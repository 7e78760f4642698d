"""The systems of the laboratory: the ways of five tutorials, trained on the same faces."""
