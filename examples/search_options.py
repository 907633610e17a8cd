"""Two workers search the options of a network together, with a study in PostgreSQL.

Usage: python search_options.py [URL] [FOLDER]    (pip install '.[tune]')

URL is the address of an empty database, such as postgresql://USER@HOST/DATABASE. Without it, the
study is an SQLite file, for workers on one machine alone.
"""

import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from hiddenstate import RecurrentClassifier, tune

URL = next((word for word in sys.argv[1:] if "://" in word), None)
FOLDER = Path(next((word for word in sys.argv[1:] if "://" not in word), "examples-output"))


def main() -> None:
    """Search, and score the best on rows that no trial has seen."""
    # 1797 digits of 8 x 8 pixels from 0 to 16: 8 steps of 8 features.
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X.reshape(-1, 8, 8) / 16, y, random_state=0)

    search = tune(
        RecurrentClassifier(epochs=9, batch_size=16, random_state=0),
        X,
        y,
        space={
            "lr": {"low": 1e-3, "high": 1e-1, "log": True},
            "hidden_size": [8, 16, 32],
            "cell": ["gru", "lstm"],
        },
        n_trials=8,
        n_jobs=2,  # two processes, which take trials from the study in turn
        storage=URL,
        runs_dir=FOLDER,  # each trial is a run there, and the same call goes on if interrupted
        name="digits-search",
        verbose=1,
    )
    print(f"the best of {search.n_trials_} trials: {search.best_params_}")
    print(f"validation loss {-search.best_score_:.4f}; test accuracy {search.score(X_test, y_test):.4f}")
    print(f"in {FOLDER}: digits-search, with a folder for each trial")


if __name__ == "__main__":  # a worker imports this file
    if URL is None:
        print("no postgresql:// address was given, so the study is an SQLite file")
    main()
