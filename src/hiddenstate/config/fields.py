"""Declares the options of model and training.

The metadata of a field gives its default for each job, its range, its unit and one line of help.
Nothing here imports torch or numpy.
"""

from dataclasses import dataclass

from hiddenstate.config.augment_kinds import BLEND, KINDS
from hiddenstate.config.option import CLASSES, CODES, RECURRENT, TARGETS, option
from hiddenstate.program.cells import CHOICES, with_option

NO_TEACHER, OWN_TEACHERS = "none", ("convolutions",)
"""Values of --teach that are no path: no teacher, where the recipe would choose one, and kinds of
companions, which are fitted on the training rows."""


@dataclass(frozen=True)
class RecurrentConfig:
    """A stack of recurrent layers and a linear output layer (classify, regress)."""

    cell: str = option(
        "lstm",
        "Recurrent cell.",
        choices=CHOICES,
        jobs=RECURRENT,
        targets="rnn",
        recipe=True,
    )
    nonlinearity: str = option(
        "tanh",
        "Activation of the rnn cell; the other cells have fixed activations.",
        choices=("tanh", "relu"),
        jobs=RECURRENT,
    )
    hidden_size: int = option(
        64,
        "Hidden size H of every layer.",
        low=1,
        high=65536,
        jobs=RECURRENT,
        targets=32,
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
    stem: bool = option(
        False,
        "Put convolutional layers before the recurrent ones.",
        jobs=RECURRENT,
        since=4,
        recipe=True,
    )
    stem_channels: tuple[int, ...] = option(
        (64, 128, 64),
        "Channels of each convolutional layer.",
        low=1,
        high=65536,
        jobs=RECURRENT,
        since=4,
        recipe=True,
    )
    stem_kernels: tuple[int, ...] = option(
        (9, 5, 3),
        "Steps that each convolutional layer reads at once.",
        low=1,
        high=1023,
        jobs=RECURRENT,
        unit="steps",
        since=4,
        recipe=True,
    )
    stem_pool: int = option(
        1,
        "Steps that are averaged to one after the first convolutional layer.",
        low=1,
        high=65536,
        jobs=RECURRENT,
        unit="steps",
        since=4,
        recipe=True,
    )
    stem_causal: bool = option(
        False,
        "Let the convolutional layers read only steps up to the current one.",
        jobs=RECURRENT,
        since=4,
        recipe=True,
    )
    members: int = option(
        1,
        "Nets trained side by side from different weights, whose answers are averaged.",
        low=1,
        high=64,
        jobs=RECURRENT,
        unit="nets",
        since=4,
        recipe=True,
    )
    states: int = option(
        0,
        f"Complex numbers that each layer of {with_option('states')} carries; 0: half the hidden "
        "size.",
        low=0,
        high=65536,
        jobs=RECURRENT,
        unit="states",
        since=5,
        omitted=True,
    )
    ring_min: float = option(
        0.9,
        f"Smallest absolute value of an eigenvalue of {with_option('ring_min')} when training "
        "begins: a state keeps that share of itself at each step.",
        low=0,
        below=1,
        jobs=RECURRENT,
        since=5,
        omitted=True,
    )
    ring_max: float = option(
        0.999,
        f"Largest absolute value of an eigenvalue of {with_option('ring_max')} when training "
        "begins.",
        above=0,
        below=1,
        jobs=RECURRENT,
        since=5,
        omitted=True,
    )
    ring_angle: float = option(
        6.283,
        f"Largest angle by which a state of {with_option('ring_angle')} turns at each step when "
        "training begins.",
        above=0,
        high=6.2832,
        jobs=RECURRENT,
        unit="radians",
        since=5,
        omitted=True,
    )
    rank: int = option(
        0,
        f"Rank of the matrices of {with_option('rank')}, each stored as two factors where that is "
        "fewer numbers; 0: whole matrices.",
        low=0,
        high=65536,
        jobs=RECURRENT,
        since=5,
        omitted=True,
    )
    remember: int = option(
        0,
        f"Steps that units of {with_option('remember')} remember at most when training begins; 0: "
        "a few.",
        low=0,
        high=1_000_000,
        jobs=RECURRENT,
        since=5,
        omitted=True,
    )


@dataclass(frozen=True)
class AutoencoderConfig:
    """An encoder of dense layers and a decoder that mirrors it (autoencode)."""

    encoder_sizes: tuple[int, ...] = option(
        (128, 64, 12),
        "Sizes of the hidden layers of the encoder; the decoder mirrors them.",
        low=1,
        high=1_000_000,
        jobs=CODES,
        recipe=True,
    )
    code_size: int = option(3, "Size Z of a code.", low=1, high=65536, jobs=CODES, recipe=True)
    activation: str = option(
        "tanh",
        "Activation between layers.",
        choices=("tanh", "relu", "sigmoid"),
        jobs=CODES,
    )
    output_activation: str = option(
        "auto",
        "Activation of the last layer; auto is sigmoid if the data is in [0, 1], else linear.",
        choices=("auto", "sigmoid", "linear"),
        jobs=CODES,
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How a net is trained."""

    epochs: int = option(
        1,
        "Passes over the training data; with --stateful also auto: as many as suit the last "
        "training windows of each signal, which nets that do not learn from them predict.",
        low=1,
        high=10**9,
        auto=TARGETS,
        codes=10,
        unit="epochs",
        recipe=True,
    )
    max_steps: int | None = option(
        None, "Largest number of updates, whatever --epochs is.", low=1, unit="updates"
    )
    batch_size: int = option(
        64,
        "Rows in a batch; must be 1 with --stateful, where --streams sets them.",
        low=1,
        unit="rows",
        targets=1,
        recipe=True,
    )
    streams: int | None = option(
        None,
        "Streams that are read side by side with --stateful, each with its own state: a signal is "
        "cut into as many parts; of several series each is a stream. If unset, a signal is one "
        "stream, and at most 64 series are read at once.",
        low=1,
        high=65536,
        jobs=TARGETS,
        unit="streams",
        since=5,
        omitted=True,
        recipe=True,
    )
    shuffle: bool = option(
        True, "Visit the rows in a new order in each epoch.", targets=False, recipe=True
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
    optimizer: str = option("adam", "Update rule.", choices=("adam", "adamw", "sgd"), recipe=True)
    lr: float = option(0.01, "Learning rate.", above=0, targets=0.02, codes=0.005, recipe=True)
    momentum: float = option(0.0, "Momentum of sgd.", low=0, below=1)
    weight_decay: float = option(
        0.0,
        "Weight decay; for adam and sgd an L2 penalty; none on the eigenvalues of "
        f"{with_option('states')}.",
        low=0,
        recipe=True,
    )
    loss: str = option(
        "mse",
        "What training makes small: mse, the mean of squared errors; mae, of absolute errors; "
        "huber, of squared errors up to 1 and absolute ones beyond; quantile, the loss that is "
        "least at a quantile; esr, the error-to-signal ratio of signals with pre-emphasis.",
        choices=("mse", "mae", "huber", "quantile", "esr"),
        jobs=TARGETS,
        since=5,
        omitted=True,
    )
    quantile: tuple[float, ...] = option(
        (),
        "With --loss quantile, the shares of targets that answers are to reach: each gives an "
        "output for each target.",
        item=float,
        above=0,
        below=1,
        jobs=TARGETS,
        since=5,
        placeholder="X,X,...",
        none=True,
        omitted=True,
    )
    label_smoothing: float = option(
        0.0,
        "Share of a label's weight in the loss that is spread over all classes.",
        low=0,
        below=1,
        jobs=CLASSES,
        since=4,
        recipe=True,
    )
    convolutions: bool = option(
        False,
        "Classify by fixed convolutions beside the net: the answer is the mean of both, and rows "
        "that a net did not learn from set the share of each.",
        jobs=CLASSES,
        since=4,
        recipe=True,
        series=True,
    )
    prefer_nets: bool = option(
        False,
        "Leave out the fixed convolutions at the end if, on rows that the net did not learn from, "
        "it alone is at most 0.02, and one standard error of the difference, less accurate, and "
        "its log loss is hardly larger.",
        jobs=CLASSES,
        since=5,
        recipe=True,
        series=True,
        omitted=True,
    )
    fold_epochs: int = option(
        0,
        "With --convolutions, epochs in which each net leaves out a fold of the rows; then it "
        "learns from all, and what it answered to its fold before sets the shares. 0: it never "
        "learns from its fold.",
        low=0,
        jobs=CLASSES,
        unit="epochs",
        since=5,
        recipe=True,
        series=True,
        omitted=True,
    )
    augment: tuple[str, ...] = option(
        (),
        "Change training rows at random in each epoch: none; auto, as training rows decide; or "
        "kinds with their strengths: "
        f"{', '.join(f'{name}:{kind.strength:g}' for name, kind in KINDS.items())}. "
        f"{BLEND} requires --teach.",
        item=str,
        since=5,
        placeholder="none|auto|KIND[:STRENGTH],...",
        recipe=True,
        none=True,
        omitted=True,
    )
    streamable: bool = option(
        False,
        "Train one net of at most 30,000 weights that answers after every step, taught and on "
        "augmented rows; at the end, test rows show what the teacher and the net without it reach.",
        jobs=CLASSES,
        since=5,
        series=True,
        omitted=True,
    )
    eps: float = option(
        1e-8,
        "Term added to the denominator of adam and adamw after --hold updates; 1e-8 before.",
        above=0,
        targets=1e-2,
        recipe=True,
    )
    clip: float | None = option(
        None,
        "Largest norm of the gradient of all parameters together, after --hold updates.",
        above=0,
        targets=1.0,
        recipe=True,
    )
    lr_schedule: str = option(
        "constant",
        "How the learning rate changes after --hold updates: constant; inverse, lr * hold / step; "
        "cosine, to 0 at the last update.",
        choices=("constant", "inverse", "cosine"),
        targets="inverse",
        recipe=True,
    )
    hold: int = option(
        0,
        "Updates at the full learning rate, without clipping, before --lr-schedule, --clip and "
        "--eps take effect.",
        low=0,
        targets=100,
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
    teach: str | None = option(
        None,
        "Learn the answers of a teacher, too: convolutions, which are fitted on the training rows; "
        "a run, a model file, or an .npy file of answers; or none.",
        jobs=RECURRENT,
        placeholder="none|convolutions|PATH",
        since=5,
        omitted=True,
    )
    teach_temperature: float = option(
        2.0,
        "What logits are divided by before the probabilities of teacher and net are compared; auto "
        "chooses 1, 2 or 4: it trains nine nets, and compares them on rows that they left out.",
        above=0,
        high=100,
        auto=CLASSES,
        jobs=CLASSES,
        since=5,
        omitted=True,
    )
    teach_weight: float = option(
        0.3,
        "Weight of labels or targets beside the answers of the teacher: that of a label's loss, or "
        "the share of the targets; auto chooses .1, .3 or .6 in the same way.",
        low=0,
        high=1,
        auto=RECURRENT,
        jobs=RECURRENT,
        since=5,
        omitted=True,
    )
    quantize: str | None = option(
        None,
        "Train a net that computes in integers, with int8 weights: the last updates round as it "
        "does.",
        choices=("int8",),
        since=5,
        omitted=True,
    )
    state_bits: int = option(
        16,
        "With --quantize, the bits of inputs, of what layers give, and of states.",
        allowed=(16, 8),
        unit="bits",
        since=5,
        omitted=True,
    )
    sparsity: float | None = option(
        None,
        "With --quantize, the share of the weights of each matrix that are 0: the smallest, pruned "
        "step by step from a quarter of all updates to three quarters.",
        above=0,
        below=1,
        since=5,
        omitted=True,
    )
    weights: str | None = option(
        None,
        "Model file, or state_dict of a classic script (tensors only), to start from.",
    )
    log_every: int = option(
        50,
        "Updates between two logged lines.",
        low=1,
        targets=10,
        codes=100,
        unit="updates",
        recipe=True,
    )
    checkpoint_every: int = option(
        0,
        "Updates between two checkpoints; 0 saves every 30 seconds.",
        low=0,
        unit="updates",
    )
