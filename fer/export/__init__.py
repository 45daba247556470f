"""Exports trained networks as ONNX files, which need no torch, and compares their answers with the network's."""
