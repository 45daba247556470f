"""From a trained model to its numbers: predictions, metrics, plots and the comparison of the four models."""
