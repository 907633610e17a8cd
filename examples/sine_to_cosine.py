"""Train an RNN to turn a sine into a cosine, window by window; print R2, draw the predictions.

Usage: python sine_to_cosine.py [FOLDER]
"""

import sys
from pathlib import Path

from hiddenstate import RecurrentRegressor, load_waves
from hiddenstate.views.figures import tracking


def main(max_steps: int | None = None, out: str | Path = ".") -> float:
    """Train on 100 windows, or `max_steps`; return R2 on the same windows, from a zero state."""
    waves = load_waves(n_windows=100, window=10)  # X, y (100, 10, 1); times (100, 10)

    reg = RecurrentRegressor(
        cell="rnn",
        hidden_size=32,
        stateful=True,  # row k + 1 starts from the hidden state at the end of row k
        output="steps",
        lr=0.02,
        epochs=1,
        max_steps=max_steps,
        random_state=0,
    )
    reg.fit(waves.X, waves.y)
    score = float(reg.score(waves.X, waves.y))
    print(f"R2 after {reg.n_steps_} windows: {score:.4f}")

    shown = slice(0, 10)
    figure = tracking(waves.times[shown], waves.y[shown], reg.predict(waves.X[shown]))
    figure.savefig(Path(out) / "sine_to_cosine.png")
    return score


if __name__ == "__main__":
    main(out=sys.argv[1] if len(sys.argv) > 1 else ".")
