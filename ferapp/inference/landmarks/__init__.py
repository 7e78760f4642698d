"""Landmarks of faces: crops in, points out."""
