"""The three jobs with scikit-learn's manners.

A fitted estimator holds arrays and settings, no torch object, so it pickles, clones and
saves; the torch module is made when asked for. Parameters are the commands' options under
the same names (`random_state` is the commands' `--seed`), with defaults that suit forty rows
as well as 60,000. They compute in X's own float type: float32 for float32 and uint8, else
float64.
"""

from hiddenstate.estimators.autoencoder import Autoencoder
from hiddenstate.estimators.classifier import RecurrentClassifier
from hiddenstate.estimators.files import load
from hiddenstate.estimators.regressor import RecurrentRegressor

__all__ = ["Autoencoder", "RecurrentClassifier", "RecurrentRegressor", "load"]
