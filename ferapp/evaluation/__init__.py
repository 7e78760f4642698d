"""How good and how fast the models are: labelled pictures, metrics, evaluators. No PyTorch."""
