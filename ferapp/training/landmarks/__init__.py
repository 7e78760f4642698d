"""The landmark network: its views of faces, training and export."""
