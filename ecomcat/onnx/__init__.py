"""A trained Keras model as an ONNX graph, which is answered without TensorFlow."""
