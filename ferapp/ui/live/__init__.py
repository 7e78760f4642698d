"""The live page: the camera, and what is read from it."""
