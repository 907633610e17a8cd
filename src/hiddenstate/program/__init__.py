"""What a model means, in numpy: the steps that prepare rows for its nets and undo their outputs."""
