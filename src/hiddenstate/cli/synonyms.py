"""Names that options have in other programs and libraries, for the hint to a wrong one."""

SYNONYMS = {
    synonym: option
    for option, synonyms in {
        "--batch-size": "batch batchsize bs",
        "--bidirectional": "bidir birnn",
        "--cell": "cell-type rnn rnn-type unit",
        "--clip": "clip-norm clipnorm grad-clip gradient-clip max-grad-norm",
        "--code-size": "bottleneck embedding-dim latent latent-dim latent-size",
        "--delimiter": "delim sep separator",
        "--device": "cuda gpu",
        "--encoder-sizes": "hidden-layer-sizes",
        "--epochs": "max-epochs max-iter n-epochs n-iter num-epochs",
        "--future": "exog future-covariates xreg",
        "--hidden-size": "hidden hidden-dim hidden-units n-units neurons num-units units",
        "--horizon": "ahead fh forecast-horizon prediction-length steps-ahead",
        "--id": "id-column series series-id unique-id",
        "--input": "columns features input-columns inputs",
        "--label": "class labels",
        "--layers": "depth n-layers num-layers",
        "--level": "confidence interval intervals",
        "--lr": "alpha eta learning-rate learning-rate-init learningrate",
        "--output": "out outfile output-file",
        "--patience": "early-stopping early-stopping-rounds",
        "--proba": "predict-proba probabilities probability probs",
        "--seed": "random-seed random-state rng",
        "--target": "targets y",
        "--test-fraction": "test-size test-split",
        "--threads": "cpus n-jobs num-threads",
        "--time": "date date-column time-column timestamp",
        "--valid-fraction": "val-fraction val-split validation-fraction validation-split",
        "--weight-decay": "l2 wd",
        "--window": "context-length lookback seq-len sequence-length window-size",
    }.items()
    for synonym in synonyms.split()
}
"""The option that is meant, by a name without dashes at its start."""
