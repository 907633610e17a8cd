"""Two workers search the options of a network together, with their study in PostgreSQL.

Usage: HIDDENSTATE_STORAGE=postgresql://USER@HOST/DATABASE python search_options.py [FOLDER]
(pip install '.[tune]'). Started again in another terminal, or with the same address on another
machine, it is one more worker. Without an address, the study is an SQLite file in FOLDER.
"""

import os
import sys


def main(folder: str) -> None:
    """Search, and score the best on rows that no trial has seen."""
    # Imported here, as the two processes import this file and need neither.
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from hiddenstate import RecurrentClassifier, tune

    url = os.environ.get("HIDDENSTATE_STORAGE")
    if not url:
        print("HIDDENSTATE_STORAGE is not set, so the study is an SQLite file")

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
        storage=url or None,
        runs_dir=folder,  # each trial is a run there, and the same call goes on after a stop
        name="digits-search",
        verbose=1,  # a line for each trial; pruned: ended early, as others were better by then
    )
    print(f"best of {search.n_trials_} trials: number {search.best_index_}, {search.best_params_}")
    print(f"its validation loss: {-search.best_score_:.4f}")
    print(f"test accuracy, trained again on all rows: {search.score(X_test, y_test):.4f}")
    print(f"in {folder}: digits-search, with a folder for each trial")


if __name__ == "__main__":  # the two processes import this file, and must not start a search
    main(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
