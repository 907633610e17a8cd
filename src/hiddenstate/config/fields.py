"""The options of data, model, training and display: every constant of a run, once.

A field's metadata gives its default for each job, its range, its unit and one line of help.
Nothing here imports torch or numpy.
"""

from dataclasses import dataclass

from hiddenstate.config.option import option

RECURRENT = ("classify", "regress")


@dataclass(frozen=True)
class DataConfig:
    """Which data, how it is read, and how rows become sequences."""

    data: str | None = option(
        None, "File or folder to learn from; without it the data bundled with the program."
    )
    test: str | None = option(
        None,
        "File with the rows to test on, where DATA does not bring them; not learnt from.",
        since=2,
        reading=True,
    )
    answers: str | None = option(
        None,
        "An .npy with the labels or targets, where DATA is an .npy without.",
        jobs=RECURRENT,
        since=2,
        reading=True,
    )
    steps: int | None = option(
        None,
        "Time steps in a flat row: a row of 784 numbers with 28 steps has 28 features a step.",
        low=1,
        jobs=RECURRENT,
        unit="steps",
        reading=True,
        kept=True,
    )
    channels_first: bool = option(
        False,
        "Arrays are (rows, channels, steps), as time-series toolkits have them.",
        jobs=RECURRENT,
        since=2,
        reading=True,
        kept=True,
    )
    layout: str = option(
        "auto",
        "A table's layout: wide, a row a series; long, a row a time step; auto is long where "
        "there is an id column.",
        choices=("auto", "wide", "long"),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    label: str | None = option(
        None,
        "Column with the class; without it one named label, class, target or y, or the only "
        "column of text.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    input: tuple[str, ...] | None = option(
        None,
        "Columns to read; without it all numbers that are nothing else.",
        item=str,
        placeholder="COL,...",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    target: tuple[str, ...] | None = option(
        None,
        "Columns to predict.",
        item=str,
        jobs=("regress",),
        placeholder="COL,...",
        since=2,
        reading=True,
        kept=True,
    )
    horizon: int | None = option(
        None,
        "Forecast the targets this many steps ahead, from the inputs and themselves.",
        low=1,
        high=10**6,
        jobs=("regress",),
        unit="steps",
        since=2,
        reading=True,
        kept=True,
    )
    change: bool = option(
        False,
        "With --horizon, learn how a target changes from its value now, not its level; the target "
        "is then an input too.",
        jobs=("regress",),
        since=2,
        recipe=True,
    )
    id: str | None = option(
        None,
        "Column that says which series a row belongs to; without it one named id, series "
        "or the like.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    time: str | None = option(
        None,
        "Column that orders the rows of a series; without it one named time, step or the like.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    group: str | None = option(
        None,
        "Column whose equal values stay on one side of a split, as a person or a machine.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    weight: str | None = option(
        None,
        "Column that says how much a row counts.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    delimiter: str | None = option(
        None,
        "What stands between two columns; without it a comma, in .tsv a tab.",
        placeholder="C",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    decimal: str = option(
        ".",
        "The decimal mark.",
        choices=(".", ","),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    encoding: str = option(
        "utf-8",
        "The encoding of a text file.",
        placeholder="NAME",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    image_size: int | None = option(
        None,
        "Side that images are resized to; without it all must be of one size.",
        low=1,
        high=4096,
        jobs=("classify", "autoencode"),
        unit="pixels",
        since=2,
        reading=True,
        kept=True,
    )
    color: bool = option(
        False,
        "Keep the colours of images; without it they are read as shades of grey.",
        jobs=("classify", "autoencode"),
        since=2,
        reading=True,
        kept=True,
    )
    skip_bad: bool = option(
        False,
        "Leave out images that cannot be read, and list them.",
        jobs=("classify", "autoencode"),
        since=2,
        reading=True,
    )
    max_unpacked: float | None = option(
        None,
        "Largest size an archive may unpack to; unset, 8 and 1,000 times its packed size.",
        above=0,
        unit="GiB",
        reading=True,
        new_data=True,
    )
    missing: str = option(
        "error",
        "What to do with missing values: refuse them; drop the rows that have some; fill in the "
        "mean of the training rows, or the value before; or mask, the mean and a feature more "
        "that says so.",
        choices=("error", "drop", "mean", "forward", "mask"),
        since=2,
    )
    scale: str = option(
        "none",
        "How features are scaled, fitted on the training rows: standard, to mean 0 and deviation "
        "1; minmax, to [0, 1]; auto, standard unless they are in [0, 1] already.",
        choices=("none", "auto", "standard", "minmax"),
        since=2,
        recipe=True,
    )
    window: int = option(
        10,
        "Length of a window cut from the signal; 0 takes each series whole.",
        low=0,
        jobs=("regress",),
        unit="steps",
        kept=True,
        recipe=True,
    )
    stride: int | None = option(
        None,
        "Steps from one window's start to the next; without it the length of a window.",
        low=1,
        jobs=("regress",),
        unit="steps",
        since=2,
        kept=True,
        recipe=True,
    )
    windows: int = option(
        100, "How many windows of the bundled waves.", low=1, jobs=("regress",), unit="windows"
    )
    stateful: bool = option(
        True,
        "Rows are consecutive windows: the hidden state is carried from one to the next.",
        jobs=("regress",),
        recipe=True,
    )
    output: str = option(
        "steps",
        "What is predicted: a target at every step, or one after the last.",
        choices=("steps", "last"),
        jobs=("regress",),
        recipe=True,
    )
    split: str = option(
        "auto",
        "How rows are held out: in each class alike, whole groups, the last in time, or any; auto "
        "is by group where there are groups, else by time for one signal, else by class.",
        choices=("auto", "stratified", "group", "time", "random"),
        since=2,
    )
    test_fraction: float = option(
        0.2,
        "Share of the rows held out for testing where the data brings no test set.",
        since=2,
        low=0,
        below=1,
        regress=0.0,
        recipe=True,
    )
    valid_fraction: float = option(
        0.0,
        "Share of the training rows that are not learnt from, but tell which weights are best.",
        low=0,
        below=1,
        since=2,
    )
    class_weight: str = option(
        "none",
        "Make rare classes count as much as frequent ones.",
        choices=("none", "balanced"),
        jobs=("classify",),
        since=2,
    )


@dataclass(frozen=True)
class RecurrentConfig:
    """A recurrent stack and its linear head (classify, regress)."""

    cell: str = option(
        "lstm",
        "Recurrent cell.",
        choices=("rnn", "gru", "lstm"),
        jobs=RECURRENT,
        regress="rnn",
        recipe=True,
    )
    nonlinearity: str = option(
        "tanh",
        "Activation of the rnn cell; gru and lstm have their own.",
        choices=("tanh", "relu"),
        jobs=RECURRENT,
    )
    hidden_size: int = option(
        64,
        "Hidden size H of every layer.",
        low=1,
        high=65536,
        jobs=RECURRENT,
        regress=32,
        recipe=True,
    )
    layers: int = option(
        1, "Stacked recurrent layers.", low=1, high=64, jobs=RECURRENT, recipe=True
    )
    bidirectional: bool = option(
        False, "Read the sequence in both directions.", jobs=RECURRENT, recipe=True
    )
    dropout: float = option(
        0.0,
        "Share of values zeroed between stacked layers while training.",
        low=0,
        below=1,
        jobs=RECURRENT,
    )
    readout: str = option(
        "last",
        "What the head reads where it answers once: the state after the last step, or the mean of "
        "the states over the steps.",
        choices=("last", "mean"),
        jobs=RECURRENT,
        since=2,
        recipe=True,
    )


@dataclass(frozen=True)
class AutoencoderConfig:
    """An encoder of dense layers and its mirror (autoencode)."""

    encoder_sizes: tuple[int, ...] = option(
        (128, 64, 12),
        "Hidden layers of the encoder; the decoder mirrors them.",
        low=1,
        high=1_000_000,
        jobs=("autoencode",),
        recipe=True,
    )
    code_size: int = option(
        3, "Numbers in a code.", low=1, high=65536, jobs=("autoencode",), recipe=True
    )
    activation: str = option(
        "tanh",
        "Activation between layers.",
        choices=("tanh", "relu", "sigmoid"),
        jobs=("autoencode",),
    )
    output_activation: str = option(
        "auto",
        "Activation at the end; auto is sigmoid for data in [0, 1], else linear.",
        choices=("auto", "sigmoid", "linear"),
        jobs=("autoencode",),
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How a net is trained."""

    epochs: int = option(
        1,
        "Passes over the training data.",
        low=1,
        high=10**9,
        autoencode=10,
        unit="epochs",
        recipe=True,
    )
    max_steps: int | None = option(
        None, "Stop after this many updates, whatever the epochs.", low=1, unit="updates"
    )
    batch_size: int = option(
        64,
        "Rows in a batch; 1 where state is carried.",
        low=1,
        unit="rows",
        regress=1,
        recipe=True,
    )
    shuffle: bool = option(
        True, "Visit the rows in a new order each epoch.", regress=False, recipe=True
    )
    patience: int = option(
        0,
        "Epochs without a better result on the validation rows (--valid-fraction) after which "
        "training stops; 0 goes on to the end.",
        low=0,
        unit="epochs",
        since=2,
    )
    recipe: str = option(
        "classic",
        "Where values come from that are not given: classic, the scripts' own; auto, rules that "
        "look at the data. Without it classic for bundled data, auto for a file.",
        choices=("classic", "auto"),
        since=2,
    )
    optimizer: str = option("adam", "Update rule.", choices=("adam", "adamw", "sgd"))
    lr: float = option(0.01, "Learning rate.", above=0, regress=0.02, autoencode=0.005, recipe=True)
    momentum: float = option(0.0, "Momentum of sgd.", low=0, below=1)
    weight_decay: float = option(0.0, "Weight decay (L2 for adam and sgd).", low=0)
    eps: float = option(
        1e-8,
        "Smallest denominator of adam and adamw once --hold steps are over; 1e-8 before.",
        above=0,
        regress=1e-2,
        recipe=True,
    )
    clip: float | None = option(
        None,
        "Largest norm of the whole gradient once --hold steps are over.",
        above=0,
        regress=1.0,
        recipe=True,
    )
    lr_schedule: str = option(
        "constant",
        "How the rate moves after --hold steps: constant; inverse, lr*hold/step; "
        "cosine, to 0 at the last step.",
        choices=("constant", "inverse", "cosine"),
        regress="inverse",
        recipe=True,
    )
    hold: int = option(
        0,
        "Updates made at the full rate, unclipped, before --lr-schedule, --clip and --eps begin.",
        low=0,
        regress=100,
        unit="updates",
        recipe=True,
    )
    seed: int = option(0, "Seed of weights, batch order and dropout.", low=0, high=2**63 - 1)
    dtype: str = option("float32", "Float type of all arithmetic.", choices=("float32", "float64"))
    device: str = option(
        "auto",
        "Where to compute; auto is the cpu for the native engine, and for torch cuda where "
        "there is one (mps only by name).",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    threads: int = option(
        0, "Processor threads; 0 leaves the choice to the engine.", low=0, high=4096
    )
    engine: str = option(
        "auto",
        "What computes the steps; auto is native, compiled and on the cpu, where that can.",
        choices=("auto", "native", "torch"),
    )
    weights: str | None = option(
        None,
        "Start from this model file, or from a tensors-only state_dict of a classic script.",
    )
    log_every: int = option(
        50,
        "Updates between two logged lines.",
        low=1,
        regress=10,
        autoencode=100,
        unit="updates",
        recipe=True,
    )
    checkpoint_every: int = option(
        0,
        "Updates between two checkpoints; 0 saves by time alone, every 30 s.",
        low=0,
        unit="updates",
    )


@dataclass(frozen=True)
class DisplayConfig:
    """How much is evaluated and shown."""

    example: int = option(
        0,
        "First training row shown as an example.",
        low=0,
        jobs=("classify", "autoencode"),
        autoencode=2,
    )
    n_shown: int = option(
        1,
        "Examples shown before training.",
        low=0,
        high=64,
        jobs=("classify", "autoencode"),
    )
    n_evaluated: int = option(
        2000,
        "First test rows evaluated at every logged line; 0 evaluates none.",
        low=0,
        jobs=("classify", "autoencode"),
        autoencode=0,
        unit="rows",
    )
    n_predicted: int = option(
        10,
        "Test rows whose prediction is shown at the end.",
        low=0,
        high=1000,
        jobs=("classify",),
        unit="rows",
    )
    n_reconstructed: int = option(
        5,
        "Test rows reconstructed as the net learns.",
        low=0,
        high=1000,
        jobs=("autoencode",),
        unit="rows",
    )
    n_scattered: int = option(
        200,
        "Test rows whose codes are drawn.",
        low=0,
        high=100_000,
        jobs=("autoencode",),
        unit="rows",
    )
