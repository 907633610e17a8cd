"""Declares every option of a run: data, model, training and display.

The metadata of a field gives its default for each job, its range, its unit and one line of help.
Nothing here imports torch or numpy.
"""

from dataclasses import dataclass

from hiddenstate.config.option import option

RECURRENT = ("classify", "regress")
IMAGES = ("classify", "autoencode")


@dataclass(frozen=True)
class DataConfig:
    """Which data is used, how it is read, and how it is prepared."""

    data: str | None = option(
        None, "File or folder with the data; if unset, data bundled with the program."
    )
    test: str | None = option(
        None,
        "File with the test rows, if DATA has none; never used for training.",
        since=2,
        reading=True,
    )
    answers: str | None = option(
        None,
        "An .npy file with the labels or targets, if DATA is an .npy file without them.",
        jobs=RECURRENT,
        since=2,
        reading=True,
    )
    steps: int | None = option(
        None,
        "Number of time steps in a flat row: with 28 steps, a row of 784 numbers is read as 28 "
        "steps of 28 features.",
        low=1,
        jobs=RECURRENT,
        unit="steps",
        reading=True,
        kept=True,
    )
    channels_first: bool = option(
        False,
        "Arrays are (rows, channels, steps), as in aeon and sktime.",
        jobs=RECURRENT,
        since=2,
        reading=True,
        kept=True,
    )
    layout: str = option(
        "auto",
        "Layout of a table: wide, one row per series; long, one row per time step; auto, long if "
        "there is an id column.",
        choices=("auto", "wide", "long"),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    label: str | None = option(
        None,
        "Column of the labels; if unset, the column named label, class, target or y, or the only "
        "column of text.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    input: tuple[str, ...] | None = option(
        None,
        "Input columns; if unset, all numeric columns without another role.",
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
        "Forecast the targets this many steps ahead, from the inputs and the targets themselves.",
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
        "With --horizon, learn the change of a target from its current value, not its level; the "
        "target is then an input too.",
        jobs=("regress",),
        since=2,
        recipe=True,
    )
    id: str | None = option(
        None,
        "Column that says which series a row belongs to; if unset, the column named id, series or "
        "similar.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    time: str | None = option(
        None,
        "Column that orders the rows of a series; if unset, the column named time, step or "
        "similar.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    group: str | None = option(
        None,
        "Column whose equal values stay on one side of a split, such as a person or a machine.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    weight: str | None = option(
        None,
        "Column with the weight of each row.",
        placeholder="COL",
        since=2,
        reading=True,
        kept=True,
    )
    delimiter: str | None = option(
        None,
        "Column separator; if unset, a comma, or a tab in a .tsv file.",
        placeholder="C",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    decimal: str = option(
        ".",
        "Decimal mark.",
        choices=(".", ","),
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    encoding: str = option(
        "utf-8",
        "Encoding of a text file.",
        placeholder="NAME",
        since=2,
        reading=True,
        kept=True,
        new_data=True,
    )
    image_size: int | None = option(
        None,
        "Resize images to squares of this side; if unset, all images must have the same size.",
        low=1,
        high=4096,
        jobs=IMAGES,
        unit="pixels",
        since=2,
        reading=True,
        kept=True,
    )
    color: bool = option(
        False,
        "Keep the colours of images; without it, images are converted to greyscale.",
        jobs=IMAGES,
        since=2,
        reading=True,
        kept=True,
    )
    skip_bad: bool = option(
        False,
        "Leave out images that cannot be read, and list them.",
        jobs=IMAGES,
        since=2,
        reading=True,
    )
    max_unpacked: float | None = option(
        None,
        "Largest unpacked size of an archive; if unset, 8 GiB and 1,000 times its packed size.",
        above=0,
        unit="GiB",
        reading=True,
        new_data=True,
    )
    missing: str = option(
        "error",
        "What to do with missing values: error refuses them; drop drops rows that have any; mean "
        "fills in the mean of the training rows; forward repeats the previous value; mask fills in "
        "the mean and adds a feature that marks missing values.",
        choices=("error", "drop", "mean", "forward", "mask"),
        since=2,
    )
    scale: str = option(
        "none",
        "How features are scaled, with statistics of the training rows: standard, to mean 0 and "
        "standard deviation 1; minmax, to [0, 1]; auto, as standard unless all values are in "
        "[0, 1] already.",
        choices=("none", "auto", "standard", "minmax"),
        since=2,
        recipe=True,
    )
    window: int = option(
        10,
        "Length of the windows that series are cut into; 0 does not cut them.",
        low=0,
        jobs=("regress",),
        unit="steps",
        kept=True,
        recipe=True,
    )
    stride: int | None = option(
        None,
        "Steps from the start of one window to the next; if unset, the length of a window.",
        low=1,
        jobs=("regress",),
        unit="steps",
        since=2,
        kept=True,
        recipe=True,
    )
    windows: int = option(
        100, "Number of windows of the bundled waves.", low=1, jobs=("regress",), unit="windows"
    )
    stateful: bool = option(
        True,
        "Rows are consecutive windows of one signal: the hidden state is carried from each row to "
        "the next.",
        jobs=("regress",),
        recipe=True,
    )
    output: str = option(
        "steps",
        "What is predicted: a target at every step, or one after the last step.",
        choices=("steps", "last"),
        jobs=("regress",),
        recipe=True,
    )
    split: str = option(
        "auto",
        "How rows are held out: stratified, the same fraction of each class; group, whole groups; "
        "time, the last rows; random; auto, by group if there are groups, by time for one signal, "
        "else by class.",
        choices=("auto", "stratified", "group", "time", "random"),
        since=2,
    )
    test_fraction: float = option(
        0.2,
        "Fraction of the rows held out for testing, if the data has no test rows.",
        since=2,
        low=0,
        below=1,
        regress=0.0,
        recipe=True,
    )
    valid_fraction: float = option(
        0.0,
        "Fraction of the training rows held out for validation; the weights with the lowest "
        "validation loss are kept.",
        low=0,
        below=1,
        since=2,
    )
    class_weight: str = option(
        "none",
        "With balanced, every class has the same total weight.",
        choices=("none", "balanced"),
        jobs=("classify",),
        since=2,
    )


@dataclass(frozen=True)
class RecurrentConfig:
    """A stack of recurrent layers and a linear output layer (classify, regress)."""

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
        "Activation of the rnn cell; gru and lstm have fixed activations.",
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
        1, "Number of stacked recurrent layers.", low=1, high=64, jobs=RECURRENT, recipe=True
    )
    bidirectional: bool = option(
        False, "Read each sequence in both directions.", jobs=RECURRENT, recipe=True
    )
    dropout: float = option(
        0.0,
        "Fraction of the values between stacked layers that is set to zero during training.",
        low=0,
        below=1,
        jobs=RECURRENT,
    )
    readout: str = option(
        "last",
        "What the output layer reads if a sequence has one output: the state after the last step, "
        "or the mean of the states over all steps.",
        choices=("last", "mean"),
        jobs=RECURRENT,
        since=2,
        recipe=True,
    )


@dataclass(frozen=True)
class AutoencoderConfig:
    """An encoder of dense layers and a decoder that mirrors it (autoencode)."""

    encoder_sizes: tuple[int, ...] = option(
        (128, 64, 12),
        "Sizes of the hidden layers of the encoder; the decoder mirrors them.",
        low=1,
        high=1_000_000,
        jobs=("autoencode",),
        recipe=True,
    )
    code_size: int = option(
        3, "Size Z of a code.", low=1, high=65536, jobs=("autoencode",), recipe=True
    )
    activation: str = option(
        "tanh",
        "Activation between layers.",
        choices=("tanh", "relu", "sigmoid"),
        jobs=("autoencode",),
    )
    output_activation: str = option(
        "auto",
        "Activation of the last layer; auto is sigmoid if the data is in [0, 1], else linear.",
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
        None, "Largest number of updates, whatever --epochs is.", low=1, unit="updates"
    )
    batch_size: int = option(
        64,
        "Rows in a batch; must be 1 with --stateful.",
        low=1,
        unit="rows",
        regress=1,
        recipe=True,
    )
    shuffle: bool = option(
        True, "Visit the rows in a new order in each epoch.", regress=False, recipe=True
    )
    patience: int = option(
        0,
        "Stop early after this many epochs without a lower validation loss (requires "
        "--valid-fraction); 0 never stops early.",
        low=0,
        unit="epochs",
        since=2,
    )
    recipe: str = option(
        "classic",
        "How unset options are chosen: classic, as in the classic scripts; auto, by rules that "
        "look at the data. If unset, classic for bundled data and auto for a file.",
        choices=("classic", "auto"),
        since=2,
    )
    optimizer: str = option("adam", "Update rule.", choices=("adam", "adamw", "sgd"))
    lr: float = option(0.01, "Learning rate.", above=0, regress=0.02, autoencode=0.005, recipe=True)
    momentum: float = option(0.0, "Momentum of sgd.", low=0, below=1)
    weight_decay: float = option(0.0, "Weight decay; for adam and sgd an L2 penalty.", low=0)
    eps: float = option(
        1e-8,
        "Term added to the denominator of adam and adamw after --hold updates; 1e-8 before.",
        above=0,
        regress=1e-2,
        recipe=True,
    )
    clip: float | None = option(
        None,
        "Largest norm of the gradient of all parameters together, after --hold updates.",
        above=0,
        regress=1.0,
        recipe=True,
    )
    lr_schedule: str = option(
        "constant",
        "How the learning rate changes after --hold updates: constant; inverse, lr * hold / step; "
        "cosine, to 0 at the last update.",
        choices=("constant", "inverse", "cosine"),
        regress="inverse",
        recipe=True,
    )
    hold: int = option(
        0,
        "Updates at the full learning rate, without clipping, before --lr-schedule, --clip and "
        "--eps take effect.",
        low=0,
        regress=100,
        unit="updates",
        recipe=True,
    )
    seed: int = option(
        0, "Seed of the initial weights, the batch order and dropout.", low=0, high=2**63 - 1
    )
    dtype: str = option(
        "float32", "Float type of all computations.", choices=("float32", "float64")
    )
    device: str = option(
        "auto",
        "Where to compute; auto is the CPU for the native engine, and cuda where available for "
        "torch (mps only if named).",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    threads: int = option(0, "CPU threads; 0 leaves the choice to the engine.", low=0, high=4096)
    engine: str = option(
        "auto",
        "What computes the updates; auto is native (compiled, CPU only) where it applies, else "
        "torch.",
        choices=("auto", "native", "torch"),
    )
    weights: str | None = option(
        None,
        "Model file, or state_dict of a classic script (tensors only), to start from.",
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
        "Updates between two checkpoints; 0 saves every 30 seconds.",
        low=0,
        unit="updates",
    )


@dataclass(frozen=True)
class DisplayConfig:
    """How much is evaluated and shown."""

    example: int = option(
        0,
        "Index of the first training row shown as an example.",
        low=0,
        jobs=IMAGES,
        autoencode=2,
    )
    n_shown: int = option(
        1,
        "Number of examples shown before training.",
        low=0,
        high=64,
        jobs=IMAGES,
    )
    n_evaluated: int = option(
        2000,
        "Number of test rows, the first ones, evaluated at every logged line; 0 evaluates none.",
        low=0,
        jobs=IMAGES,
        autoencode=0,
        unit="rows",
    )
    n_predicted: int = option(
        10,
        "Number of test rows whose predictions are shown at the end.",
        low=0,
        high=1000,
        jobs=("classify",),
        unit="rows",
    )
    n_reconstructed: int = option(
        5,
        "Number of test rows shown with their reconstructions.",
        low=0,
        high=1000,
        jobs=("autoencode",),
        unit="rows",
    )
    n_scattered: int = option(
        200,
        "Number of test rows whose codes are drawn.",
        low=0,
        high=100_000,
        jobs=("autoencode",),
        unit="rows",
    )
