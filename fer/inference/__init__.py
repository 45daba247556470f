"""From photos to expressions with exported models: numpy, onnxruntime and OpenCV, never torch."""
