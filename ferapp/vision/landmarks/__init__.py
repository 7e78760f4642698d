"""Landmarks of faces: their order, and what follows from them."""
