"""What a model means, in numpy: steps that prepare rows and undo outputs, nets, companions."""
