"""What people look at: TensorBoard, progress and tables."""
