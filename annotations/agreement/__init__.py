"""The parts of an agreement result, each from the labels of one question."""
