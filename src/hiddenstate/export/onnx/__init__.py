"""ONNX graphs, and the folder in which Triton serves them."""
