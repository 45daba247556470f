"""Trained networks as ONNX files, for whoever predicts without torch; with the proof that they answer alike."""
