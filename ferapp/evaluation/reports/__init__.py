"""Tables about a classifier: by source of the faces, by group of people, in light and noise."""
