// Computes the answers of a program, one row at a time, in float64; the specification is
// runtime.py. A matrix is {shape, data}, a sequence an array of steps, each a Float64Array.

import { byWindow, linearAt, windowScale } from "./linear.js";

/** @typedef {{ shape: number[], data: Float64Array }} Matrix */
/** @typedef {{ weight: Matrix, bias: Matrix, activation: keyof typeof ACTIVATIONS }} Dense */
/** @typedef {Float64Array[]} State Of one direction of a layer: [h] or, of an lstm, [h, c]. */
/**
 * @typedef {object} Direction
 * @property {Matrix} input_weight
 * @property {Matrix} hidden_weight
 * @property {Matrix} input_bias
 * @property {Matrix} hidden_bias
 * @property {Float64Array[]} [parts] What `cellStep` computes in.
 */
/**
 * @typedef {object} Net
 * @property {keyof typeof CELLS} cell
 * @property {Direction[][]} layers
 * @property {string} readout
 * @property {Dense} head
 * @property {{ weight: Matrix, scale: Matrix, bias: Matrix }[]} stem
 * @property {number} pool
 * @property {boolean} causal
 */
/**
 * @typedef {object} Convolutions
 * @property {number[]} dilations
 * @property {number[]} counts
 * @property {Matrix} uses
 * @property {Matrix} biases
 * @property {Matrix} weight
 * @property {Matrix} bias
 * @property {number} net_share
 * @property {number} net_scale
 */
/**
 * @typedef {object} Linear
 * @property {number[]} features
 * @property {Matrix} weight
 * @property {Matrix} bias
 * @property {boolean[]} log
 * @property {Matrix | null} effects
 * @property {number[]} ahead
 * @property {number[]} moved
 */
/**
 * A model as steps of computation; `export/program.py` says what each is.
 * @typedef {object} Program
 * @property {"classify" | "regress" | "autoencode"} job
 * @property {number} n_steps
 * @property {number} n_features
 * @property {number} n_outputs
 * @property {number} window
 * @property {boolean} stateful
 * @property {boolean} pixels
 * @property {string} missing
 * @property {Matrix | null} fill
 * @property {Matrix} offset Null without `factor`.
 * @property {Matrix | null} factor
 * @property {Matrix} target_offset Null without `target_factor`.
 * @property {Matrix | null} target_factor
 * @property {number[] | null} change
 * @property {Linear | null} linear
 * @property {Convolutions | null} convolutions
 * @property {boolean} by_window
 * @property {number} n_moved
 * @property {Net[]} nets
 * @property {Dense[]} encoder
 * @property {Dense[]} decoder
 */
/**
 * The answer to a row; what there is depends on the job. `states` are those of the last layer of the
 * first net, one a step (fewer with a pooling stem).
 * @typedef {object} Answer
 * @property {Float64Array} probabilities
 * @property {Float64Array[]} y One, or one a step.
 * @property {Float64Array[]} states
 * @property {Float64Array} code
 * @property {Float64Array} reconstruction
 * @property {number} error
 */
/** @typedef {{ last?: Float64Array }} Memory */

/** @param {number} x */
const relu = (x) => (x > 0 ? x : 0);

/** @param {number} x */
function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

const ACTIVATIONS = { linear: (/** @type {number} */ x) => x, tanh: Math.tanh, relu, sigmoid };

/** @param {Float64Array} x @returns {Float64Array} */
export function softmax(x) {
  const most = Math.max(...x);
  const e = x.map((value) => Math.exp(value - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
}

/**
 * Returns weight x + bias, in `result` if it is given: new arrays for every step are slow. Four rows
 * are summed side by side, as a processor adds numbers that do not wait for one another.
 * @param {Matrix} weight
 * @param {{ data: Float64Array }} bias
 * @param {ArrayLike<number>} x
 * @param {Float64Array} result
 */
export function affine(weight, bias, x, result = new Float64Array(bias.data.length)) {
  const [rows, n] = weight.shape;
  const [w, start] = [weight.data, bias.data];
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    let a = start[row];
    let b = start[row + 1];
    let c = start[row + 2];
    let d = start[row + 3];
    const k = row * n;
    const l = k + n;
    const m = l + n;
    const o = m + n;
    for (let j = 0; j < n; j += 1) {
      const value = x[j];
      a += w[k + j] * value;
      b += w[l + j] * value;
      c += w[m + j] * value;
      d += w[o + j] * value;
    }
    result[row] = a;
    result[row + 1] = b;
    result[row + 2] = c;
    result[row + 3] = d;
  }
  for (; row < rows; row += 1) {
    let a = start[row];
    for (let j = 0; j < n; j += 1) a += w[row * n + j] * x[j];
    result[row] = a;
  }
  return result;
}

/** @param {Dense} layer @param {ArrayLike<number>} x @returns {Float64Array} */
function dense(layer, x) {
  return affine(layer.weight, layer.bias, x).map(ACTIVATIONS[layer.activation]);
}

/** @param {Dense[]} layers @param {any} x @returns {Float64Array} */
const through = (layers, x) => layers.reduce((value, layer) => dense(layer, value), x);

/** @typedef {(a: Float64Array, b: Float64Array, state: State) => State} Cell */

// Returns the state [h] or [h, c] after a step, from the parts of x and of h that add up.
const CELLS = {
  /** @type {Cell} */
  rnn_tanh: (a, b, [h]) => [h.map((_, i) => Math.tanh(a[i] + b[i]))],
  /** @type {Cell} */
  rnn_relu: (a, b, [h]) => [h.map((_, i) => relu(a[i] + b[i]))],
  /** @type {Cell} */
  gru(a, b, [h]) {
    const n = h.length;
    const next = new Float64Array(n);
    for (let i = 0; i < n; i += 1) {
      const r = sigmoid(a[i] + b[i]);
      const z = sigmoid(a[n + i] + b[n + i]);
      next[i] = (1 - z) * Math.tanh(a[2 * n + i] + r * b[2 * n + i]) + z * h[i];
    }
    return [next];
  },
  /** @type {Cell} */
  lstm(a, b, [h, c]) {
    const n = h.length;
    const next = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0, f = n, g = 2 * n, o = 3 * n; i < n; i += 1, f += 1, g += 1, o += 1) {
      const kept = sigmoid(a[f] + b[f]) * c[i];
      next[1][i] = kept + sigmoid(a[i] + b[i]) * Math.tanh(a[g] + b[g]);
      next[0][i] = sigmoid(a[o] + b[o]) * Math.tanh(next[1][i]);
    }
    return next;
  },
};

/**
 * @param {Net["cell"]} cell
 * @param {Direction} direction
 * @param {ArrayLike<number>} x
 * @param {State} state
 */
function cellStep(cell, direction, x, state) {
  const { input_weight, input_bias, hidden_weight, hidden_bias } = direction;
  if (!direction.parts) direction.parts = [0, 1].map(() => new Float64Array(input_bias.data.length));
  const [a, b] = direction.parts;
  affine(input_weight, input_bias, x, a);
  affine(hidden_weight, hidden_bias, state[0], b);
  return CELLS[cell](a, b, state);
}

/**
 * Returns the state of zeros of each direction of each layer, in the order of torch.
 * @param {Net} net
 * @returns {State[]}
 */
function zeroState(net) {
  const size = () => new Float64Array(net.layers[0][0].hidden_weight.shape[1]);
  return net.layers.flatMap((layer) => layer.map(() => (net.cell === "lstm" ? [size(), size()] : [size()])));
}

/**
 * Returns steps as one array.
 * @param {Float64Array[]} parts
 * @returns {Float64Array}
 */
export const joined = (parts) => Float64Array.from(parts.flatMap((part) => [...part]));

/**
 * Returns the mean of steps.
 * @param {Float64Array[]} steps
 * @returns {Float64Array}
 */
export function meanOf(steps) {
  return steps[0].map((_, i) => steps.reduce((sum, step) => sum + step[i], 0) / steps.length);
}

/**
 * Runs the convolutions before the recurrent layers over a sequence. Their weights are (k, channels,
 * inputs); sums are multiplied by `scale`, which other programs have in the weights.
 * @param {Net} net
 * @param {Float64Array[]} steps
 */
function stemOf(net, steps) {
  net.stem.forEach(({ weight, scale, bias }, number) => {
    const [k, ...shape] = weight.shape;
    const n = weight.data.length / k;
    const before = net.causal ? k - 1 : (k - 1) >> 1;
    steps = steps.map((_, t) => {
      const data = new Float64Array(shape[0]);
      for (let j = 0; j < k; j += 1) {
        const x = steps[t + j - before];
        if (x) affine({ shape, data: weight.data.subarray(j * n, j * n + n) }, { data }, x, data);
      }
      return data.map((sum, c) => relu(sum * scale.data[c] + bias.data[c]));
    });
    if (number > 0 || net.pool < 2) return;
    const pooled = [];
    for (let t = 0; t < steps.length; t += net.pool) pooled.push(meanOf(steps.slice(t, t + net.pool)));
    steps = pooled;
  });
  return steps;
}

/**
 * Returns of a prepared sequence the outputs of the head (one, or one a step), the last state, and
 * the states of the last layer at every step.
 * @param {Net} net
 * @param {Float64Array[]} steps
 */
export function outputsOf(net, steps, state = zeroState(net)) {
  const inputs = stemOf(net, steps);
  /** @type {State[]} */
  const lasts = [];
  let x = inputs;
  for (const layer of net.layers) {
    const sides = layer.map((direction, number) => {
      let own = state[lasts.length];
      /** @param {Float64Array} step */
      const read = (step) => (own = cellStep(net.cell, direction, step, own))[0];
      const outputs = number ? [...x].reverse().map(read).reverse() : x.map(read);
      lasts.push(own);
      return outputs;
    });
    x = sides.length === 1 ? sides[0] : x.map((_, t) => joined(sides.map((side) => side[t])));
  }
  let summary = x;
  if (net.readout === "last") summary = [joined(lasts.slice(-net.layers[0].length).map(([h]) => h))];
  else if (net.readout === "mean") {
    summary = [net.stem.length ? joined([meanOf(x), meanOf(inputs)]) : meanOf(x)];
  }
  return { outputs: summary.map((each) => dense(net.head, each)), state: lasts, states: x };
}

/** A model that answers rows, one at a time. A row is a list of steps; that of an autoencoder has one. */
export class Model {
  /**
   * Returns the answer to a prepared row of a program with fixed convolutions; `fixed.js` sets it.
   * @type {(program: Program, steps: Float64Array[]) => any}
   */
  static beside;

  /** @param {Program} program As `unpacked` returns it. */
  constructor(program) {
    this.program = program;
  }

  /**
   * Returns the steps of a row as the nets read them, from steps as the data has them. `memory` holds
   * the last known values, if a row goes on.
   * @param {ArrayLike<number>[]} steps
   * @param {Memory} memory
   */
  prepare(steps, memory = {}) {
    const p = this.program;
    return steps.map((step) => {
      if (step.length !== p.n_features) {
        throw new Error(`expected ${p.n_features} numbers a step, found ${step.length}`);
      }
      const [x, absent] = [new Float64Array(step.length), new Float64Array(step.length)];
      for (let i = 0; i < x.length; i += 1) {
        x[i] = p.pixels ? step[i] / 255 : step[i];
        if (!Number.isFinite(x[i])) absent[i] = 1;
      }
      if (!p.fill && absent.includes(1)) throw new Error("a value is missing, and the model knows no gaps");
      if (p.linear) {
        const { features, log } = p.linear;
        features.forEach((feature, place) => {
          if (!log[place]) return;
          if (x[feature] <= 0) throw new Error("a value is 0 or less, but the model reads logarithms");
          x[feature] = Math.log(x[feature]);
        });
      }
      if (p.fill) {
        const forward = p.missing === "forward";
        const known = memory.last;
        for (let i = 0; i < x.length; i += 1) {
          if (absent[i]) x[i] = forward && known && known[i] === known[i] ? known[i] : NaN;
        }
        if (forward) memory.last = x.slice();
        for (let i = 0; i < x.length; i += 1) if (x[i] !== x[i]) x[i] = p.fill.data[i];
      }
      const { factor, offset } = p;
      const scaled = factor ? x.map((value, i) => (value - offset.data[i]) * factor.data[i]) : x;
      return p.missing === "mask" ? joined([scaled, absent]) : scaled;
    });
  }

  /**
   * Returns the answer to a row: probabilities, y (one or one a step), or code and what follows.
   * @param {ArrayLike<number>[]} row Steps as the data has them, NaN for missing values.
   * @returns {Answer}
   */
  predict(row) {
    const { job, nets, convolutions } = this.program;
    const steps = this.prepare(row);
    if (job === "autoencode") return this.autoencoded(steps[0]);
    if (convolutions) return Model.beside(this.program, steps);
    const read = this.program.by_window ? byWindow(this.program, steps) : steps;
    const all = nets.map((net) => outputsOf(net, read));
    if (job === "classify") {
      return /** @type {any} */ ({ probabilities: meanOf(all.map(({ outputs }) => softmax(outputs[0]))), states: all[0].states });
    }
    const y = all[0].outputs.map((_, t) => meanOf(all.map(({ outputs }) => outputs[t])));
    return /** @type {any} */ ({ y: this.inUnits(y, steps), states: all[0].states });
  }

  /**
   * Returns outputs, one or one a step, in the units of the targets.
   * @param {Float64Array[]} outputs
   * @param {Float64Array[]} steps
   */
  inUnits(outputs, steps) {
    const p = this.program;
    return outputs.map((output, place) => {
      const t = outputs.length === 1 ? steps.length - 1 : place;
      const change = p.change;
      return output.map((value, o) => {
        let y = change ? value + steps[t][change[o]] : value;
        if (p.target_factor) y = y / p.target_factor.data[o] + p.target_offset.data[o];
        if (!p.linear) return y;
        if (p.by_window) y *= windowScale(p, steps, p.linear.features[o]).deviation;
        y += linearAt(p, p.linear, steps, t, o);
        return p.linear.log[o] ? Math.exp(y) : y;
      });
    });
  }

  /** @param {Float64Array} x @returns {any} */
  autoencoded(x) {
    const code = through(this.program.encoder, x);
    const rows = through(this.program.decoder, code);
    const error = rows.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0) / x.length;
    return { code, reconstruction: this.unscaled(rows), error };
  }

  /**
   * Returns the row, in the units of the data (pixels from 0 to 1), that a code decodes to.
   * @param {ArrayLike<number>} code
   */
  decode(code) {
    return this.unscaled(through(this.program.decoder, code));
  }

  /** @param {Float64Array} rows */
  unscaled(rows) {
    const { factor, offset, n_features } = this.program;
    const own = rows.slice(0, n_features);
    return factor ? own.map((value, i) => value / factor.data[i] + offset.data[i]) : own;
  }

  /** Whether the model can answer after every step without reading the row anew. */
  get streams() {
    const { nets, convolutions, by_window } = this.program;
    return !convolutions && !by_window && nets.length === 1 && !nets[0].stem.length && nets[0].layers[0].length === 1;
  }

  /** Returns a reader of one series. */
  stream() {
    return new Stream(this);
  }
}

/** Reads one series step by step, and answers after every step as if the series ended there. */
export class Stream {
  /** @type {State[]} */
  state = [];

  /** @type {Memory} */
  memory = {};

  /** @type {Float64Array | null} */
  sum = null;

  count = 0;

  /** @type {Float64Array[]} */
  lags = [];

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.net = model.program.nets[0];
    this.reset();
  }

  /** Begins a series anew. */
  reset() {
    this.state = zeroState(this.net);
    this.memory = {};
    this.sum = null;
    this.count = 0;
    this.lags = [];
  }

  /** Sets the hidden state to zeros, in the middle of a series. */
  forget() {
    this.state = zeroState(this.net);
  }

  /** The hidden state of the last layer. */
  get h() {
    return this.state[this.state.length - 1][0];
  }

  /**
   * Reads a step; returns the probabilities, or y, as if the series ended here.
   * @param {ArrayLike<number>} values
   * @returns {{ probabilities: Float64Array, y: Float64Array }}
   */
  step(values) {
    const { model, net } = this;
    const [x] = model.prepare([values], this.memory);
    /** @type {Float64Array} */
    let h = x;
    this.state = net.layers.map(([direction], number) => {
      const own = cellStep(net.cell, direction, h, this.state[number]);
      [h] = own;
      return own;
    });
    this.sum = this.sum ? this.sum.map((value, i) => value + h[i]) : h;
    this.count += 1;
    const summary = net.readout === "mean" ? this.sum.map((value) => value / this.count) : h;
    const output = dense(net.head, summary);
    if (model.program.job === "classify") return /** @type {any} */ ({ probabilities: softmax(output) });
    const n = model.program.linear ? model.program.linear.weight.shape[1] : 1;
    this.lags = [...this.lags, x].slice(-n);
    return /** @type {any} */ ({ y: model.inUnits([output], this.lags)[0] });
  }
}
