"""The models at run time: manifest, weights, sessions, detectors, classifiers."""
