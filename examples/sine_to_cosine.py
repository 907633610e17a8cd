"""An RNN turns a sine into a cosine, window by window; only its hidden state knows the direction.

Usage: python sine_to_cosine.py [FOLDER]
"""

import sys
from pathlib import Path

from hiddenstate import RecurrentRegressor, load_waves
from hiddenstate.views import figures

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)

waves = load_waves(n_windows=100, window=10)  # X, y (100, 10, 1); times (100, 10)
reg = RecurrentRegressor(
    cell="rnn",
    hidden_size=32,
    stateful=True,  # window k + 1 starts from the hidden state at the end of window k
    output="steps",  # a cosine value at each step
    lr=0.02,
    epochs=1,
    random_state=0,
)
reg.fit(waves.X, waves.y)
print(f"R2 after {reg.n_steps_} windows: {reg.score(waves.X, waves.y):.4f}")

# From a zero state: at the first steps it cannot know whether the sine rises or falls.
times, target = waves.times[:10], waves.y[:10]
figure = figures.tracking(times, target, reg.predict(waves.X[:10]), while_learning=False)
figure.savefig(folder / "sine_to_cosine.png")
print(f"in {folder}: sine_to_cosine.png")
