"""The three jobs as scikit-learn estimators.

A fitted estimator holds arrays and settings but no torch object, so it can be pickled, cloned and
saved. Parameters have the names of the command-line options (`random_state` is `--seed`), with
defaults that work for 40 rows as well as for 60,000. Computations are in float32 for float32 and
uint8 X, otherwise in float64.
"""

from hiddenstate.estimators.autoencoder import Autoencoder
from hiddenstate.estimators.classifier import RecurrentClassifier
from hiddenstate.estimators.files import load
from hiddenstate.estimators.old_pickles import register
from hiddenstate.estimators.regressor import RecurrentRegressor

__all__ = ["Autoencoder", "RecurrentClassifier", "RecurrentRegressor", "load"]

register()
