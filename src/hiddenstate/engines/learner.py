"""Makes the compiled network of a net."""

from typing import Any

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines.dropout import rate_of
from hiddenstate.kernels import level, native
from hiddenstate.models.net import Net

_ACTIVATIONS = {"linear": 0, "tanh": 1, "relu": 2, "sigmoid": 3}


def learner_of(net: Net, dtype: str) -> Any:
    """Return the compiled network, without weights."""
    module = native()
    kind = module.Learner64 if dtype == "float64" else module.Learner32
    config = net.config
    if isinstance(config, RecurrentConfig):
        return kind(
            level=level(),
            cell=net.cell.name,
            layers=config.layers,
            directions=2 if config.bidirectional else 1,
            inputs=net.n_features,
            hidden=config.hidden_size,
            rank=config.rank,
            states=net.n_states,
            outputs=net.n_outputs,
            every_step=net.output == "steps",
            mean=config.readout == "mean",
            classify=net.kind.has_classes,
            dropout=rate_of(net),
            **_stem_arguments(config),
        )
    widths = net.widths()
    between = [_ACTIVATIONS[config.activation]] * (len(widths) - 2)
    end = _ACTIVATIONS[config.output_activation]
    return kind(
        level=level(),
        widths=widths + widths[-2::-1],
        activations=[*between, _ACTIVATIONS["linear"], *between, end],
    )


def _stem_arguments(config: RecurrentConfig) -> dict[str, Any]:
    if not config.stem:
        return {}
    return {
        "stem": list(config.stem_channels),
        "stem_sizes": list(config.stem_kernels),
        "pool": config.stem_pool,
        "causal": config.stem_causal,
    }
