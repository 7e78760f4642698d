"""Pure functions on pixels and boxes: no models, no state."""
