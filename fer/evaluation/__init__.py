"""From a trained model to the table of its probabilities; from such tables to metrics, plots and the comparison."""
