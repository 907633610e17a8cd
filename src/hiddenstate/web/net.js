// Computes the answers of a program, one row at a time, in float64: what `hiddenstate/program` says,
// a function for each kind of part. A matrix is {shape, data}, a sequence an array of steps, each a
// Float64Array.

import { ADDED, CELLS, STATES, affine, relu, sigmoid } from "./cells.js";
import { applied, lagsOf, restored, stepOf, undone } from "./steps.js";

/** @import { Matrix, Own, State } from "./cells.js" */
/** @import { Memory, Step } from "./steps.js" */

/** @typedef {{ weight: Matrix, bias: Matrix, activation: string }} Dense */
/**
 * @typedef {object} Direction
 * @property {Matrix[]} inputs The factors of W, of which the last is multiplied by x first.
 * @property {Matrix[]} hidden Those of U.
 * @property {Own} own
 * @property {number} hidden_size
 * @property {number} states Complex numbers of a state; 0 if it has as many numbers as h.
 * @property {Sums[]} [sums] Those of W and of U.
 */
/** @typedef {{ begin: { data: Float64Array }, sum: Float64Array }[]} Sums */
/** @typedef {{ cell: string, directions: Direction[] }} Recurrent */
/** @typedef {{ part: string, [field: string]: any }} Layer */
/**
 * What recurrent layers carry through a row: the state of each direction before it and after it, and
 * the outputs of the last layer.
 * @typedef {{ state: State[], after: State[], states: Float64Array[] }} Run
 */
/**
 * Fixed convolutions beside the nets.
 * @typedef {object} Companion
 * @property {"FixedConvolutions"} part
 * @property {number[]} dilations
 * @property {number[]} counts
 * @property {Matrix} uses
 * @property {Matrix} biases
 * @property {Matrix} weight
 * @property {Matrix} bias
 * @property {number} share
 * @property {number} scale
 * @property {string} [title] In the studio: its name, and the script that computes it.
 * @property {string} [script]
 */
/**
 * A model as parts; the classes of `hiddenstate/program` say what each is.
 * @typedef {object} Program
 * @property {"classify" | "regress" | "autoencode"} job
 * @property {Step[]} steps
 * @property {Layer[][]} nets
 * @property {Companion[]} companions
 * @property {Layer[]} decoder
 * @property {number} n_steps
 * @property {number} n_features
 * @property {number} n_outputs
 * @property {number} window
 * @property {boolean} stateful
 * @property {number} horizon
 * @property {number} n_moved
 * @property {import("./ahead.js").Ahead | null} [ahead]
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

/** @type {Record<string, (x: number) => number>} */
export const ACTIVATIONS = { linear: (x) => x, tanh: Math.tanh, relu, sigmoid };

/** @param {Float64Array} x @returns {Float64Array} */
export function softmax(x) {
  const most = Math.max(...x);
  const e = x.map((value) => Math.exp(value - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
}

/** @param {Dense} layer @param {ArrayLike<number>} x @returns {Float64Array} */
function dense(layer, x) {
  return affine(layer.weight, layer.bias, x).map(ACTIVATIONS[layer.activation]);
}

/**
 * Returns what the products with factors of a matrix begin with, and are computed in.
 * @param {Matrix[]} factors
 * @param {string[]} names Of what is added to the product, if the cell has it.
 * @param {Own} own
 * @returns {Sums}
 */
const sumsOf = (factors, names, own) => factors.map(({ shape }) => {
  const data = new Float64Array(shape[0]);
  return { begin: own[names.find((name) => own[name]) || ""] || { data }, sum: data.slice() };
});

/**
 * Returns x multiplied by factors, the last one first; x without any.
 * @param {Matrix[]} factors
 * @param {Sums} sums
 * @param {Float64Array} x
 */
const multiplied = (factors, sums, x) => factors.reduceRight((from, factor, i) => affine(factor, sums[i].begin, from, sums[i].sum), x);

/**
 * Returns W x and U h, which are computed in the same arrays at each step.
 * @param {Direction} direction
 * @param {Float64Array} x
 * @param {Float64Array} h
 */
export function productsOf(direction, x, h) {
  const { inputs, hidden, own } = direction;
  const [a, b] = direction.sums ||= [inputs, hidden].map((factors, i) => sumsOf(factors, ADDED[i], own));
  return [multiplied(inputs, a, x), multiplied(hidden, b, h)];
}

/**
 * Returns what a cell gives for a step; the state after it comes last.
 * @param {Recurrent["cell"]} cell
 * @param {Direction} direction
 * @param {Float64Array} x
 * @param {State} state
 */
function cellStep(cell, direction, x, state) {
  const [a, b] = productsOf(direction, x, state[0]);
  return CELLS[cell](a, b, state, direction.own);
}

/** Returns the state of zeros of a direction. @param {string} cell @param {Direction} direction @returns {State} */
export const zerosOf = (cell, { hidden_size, states }) => (
  Array.from({ length: STATES[cell] || 1 }, () => new Float64Array(states || hidden_size)));

/**
 * Returns the recurrent layers of a net.
 * @param {Layer[]} net
 * @returns {Recurrent[]}
 */
const recurrentOf = (net) => net.flatMap((layer) => (
  layer.layers ? recurrentOf(layer.layers) : layer.directions ? [/** @type {any} */ (layer)] : []));

/**
 * Returns the state of zeros of each direction of each layer, in the order of torch.
 * @param {Layer[]} net
 * @returns {State[]}
 */
const zeroState = (net) => recurrentOf(net).flatMap(({ cell, directions }) => directions.map((each) => zerosOf(cell, each)));

/**
 * Returns steps as one array.
 * @param {ArrayLike<number>[]} parts
 * @returns {Float64Array}
 */
export function joined(parts) {
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/**
 * Returns the mean of steps.
 * @param {Float64Array[]} steps
 * @returns {Float64Array}
 */
export function meanOf(steps) {
  return steps[0].map((_, i) => steps.reduce((sum, step) => sum + step[i], 0) / steps.length);
}

// What a layer of each kind gives for a sequence; `stem.js` adds those of a stem.
/** @type {Record<string, (layer: any, steps: Float64Array[], run: Run) => Float64Array[]>} */
export const LAYERS = {
  Dense: (layer, steps) => steps.map((x) => dense(layer, x)),
  Recurrent({ cell, directions }, steps, run) {
    const sides = /** @type {Direction[]} */ (directions).map((direction, number) => {
      let own = run.state[run.after.length];
      /** @param {Float64Array} x */
      const step = (x) => {
        const after = cellStep(cell, direction, x, own);
        own = after.slice(-own.length);
        return after[0];
      };
      const outputs = number ? [...steps].reverse().map(step).reverse() : steps.map(step);
      run.after.push(own);
      return outputs;
    });
    run.states = sides.length === 1 ? sides[0] : steps.map((_, t) => joined(sides.map((side) => side[t])));
    return run.states;
  },
  Beside: ({ layers }, steps, run) => through(layers, steps, run).map((y, t) => joined([y, steps[t]])),
  Readout({ kind, width, backward }, steps) {
    if (kind === "mean") return [meanOf(steps)];
    const last = steps[steps.length - 1];
    return [backward ? joined([last.slice(0, width - backward), steps[0].slice(width - backward)]) : last];
  },
};

/**
 * Returns what layers give for a sequence.
 * @param {Layer[]} layers
 * @param {Float64Array[]} steps
 * @param {Run} run
 */
const through = (layers, steps, run) => layers.reduce((x, layer) => LAYERS[layer.part](layer, x, run), steps);

/**
 * Returns of a sequence the outputs of a net (one, or one a step), the last state, and the states of
 * the last recurrent layer at every step.
 * @param {Layer[]} net
 * @param {Float64Array[]} steps
 */
export function outputsOf(net, steps, state = zeroState(net)) {
  /** @type {Run} */
  const run = { state, after: [], states: [] };
  const outputs = through(net, steps, run);
  return { outputs, state: run.after, states: run.states };
}

/**
 * What its own script says of each kind of companion.
 * @typedef {object} CompanionKind
 * @property {(companion: Companion, program: Program, steps: Float64Array[]) => any} answer To a row.
 * @property {(companion: Companion) => number} products That it computes for each step of a row.
 * @property {(companion: Companion, x: Float64Array[], b: Float64Array[], chosen: number, net: import("./why.js").Why | null) => Generator<number | void, import("./why.js").Why>} [joined]
 *   What an answer comes from, of nets and it.
 */
/** @type {Record<string, CompanionKind>} */
export const COMPANIONS = {};

/** A model that answers rows, one at a time. A row is a list of steps; that of an autoencoder has one. */
export class Model {
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
    const { n_features, steps: parts } = this.program;
    const own = steps.map((step) => {
      if (step.length !== n_features) throw new Error(`expected ${n_features} numbers a step, found ${step.length}`);
      return new Float64Array(step);
    });
    for (const x of stepOf(parts, "Fill") ? [] : own) {
      for (let i = 0; i < x.length; i += 1) {
        if (!Number.isFinite(x[i])) throw new Error("a value is missing, and the model knows no gaps");
      }
    }
    return applied(parts, own, memory);
  }

  /**
   * Returns the answer to a row: probabilities, y (one or one a step), or code and what follows.
   * @param {ArrayLike<number>[]} row Steps as the data has them, NaN for missing values.
   * @returns {Answer}
   */
  predict(row) {
    const { job, nets, companions: [companion], steps: parts } = this.program;
    const steps = this.prepare(row);
    if (job === "autoencode") return this.autoencoded(steps[0]);
    if (companion) return COMPANIONS[companion.part].answer(companion, this.program, steps);
    const all = nets.map((net) => outputsOf(net, applied(parts, steps, {}, true)));
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
    const last = steps.length - 1;
    return outputs.map((y, t) => undone(this.program.steps, y, steps, outputs.length === 1 ? last : t));
  }

  /** @param {Float64Array} x @returns {any} */
  autoencoded(x) {
    const [code] = outputsOf(this.program.nets[0], [x]).outputs;
    const [rows] = outputsOf(this.program.decoder, [code]).outputs;
    const error = rows.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0) / x.length;
    return { code, reconstruction: restored(this.program.steps, rows), error };
  }

  /**
   * Returns the row, in the units of the data (pixels from 0 to 1), that a code decodes to.
   * @param {ArrayLike<number>} code
   */
  decode(code) {
    const [rows] = outputsOf(this.program.decoder, [new Float64Array(code)]).outputs;
    return restored(this.program.steps, rows);
  }

  /** Whether inputs are bytes. */
  get pixels() {
    return Boolean(stepOf(this.program.steps, "Fractions"));
  }

  /** Whether there is an answer at every step. */
  get every() {
    return this.program.job === "regress" && this.program.nets[0].every(({ kind }) => !kind);
  }

  /** The numbers of the hidden state of the last layer. */
  get units() {
    const [{ directions }] = recurrentOf(this.program.nets[0]);
    return directions.length * directions[0].hidden_size;
  }

  /** Whether the first net reads no later steps. */
  get forward() {
    const [net] = this.program.nets;
    return net.every(({ causal }) => causal !== false) && !recurrentOf(net)[0].directions[1];
  }

  /** Whether the model can answer after every step without reading the row anew. */
  get streams() {
    const { job, nets, companions, steps } = this.program;
    const whole = job === "autoencode" || companions.length || stepOf(steps, "WindowScale") || nets[1];
    return !whole && this.forward;
  }

  /** Returns a reader of one series. */
  stream() {
    return new Stream(this);
  }
}

/**
 * What layers carry from step to step: the state of each direction, the last steps that each
 * convolution read, and the sum of what the head reads the mean of, and the number of its steps.
 * @typedef {{ state: State[], recent: Record<number, Float64Array[]>, sum: Float64Array | null, count: number }} Carried
 */

// What layers that carry more than a state give for a step x: `next` is what is carried after it.
/** @type {Record<string, (layer: any, x: Float64Array, next: Carried, stream: Stream, number: number) => Float64Array>} */
export const STREAMED = {
  Readout({ kind }, x, next) {
    if (kind === "last") return x;
    const { sum } = next;
    next.sum = sum ? sum.map((value, i) => value + x[i]) : x;
    next.count += 1;
    return next.sum.map((value) => value / next.count);
  },
};

/** Reads one series step by step, and answers after every step as if the series ended there. */
export class Stream {
  /** After the last mean of steps that was complete. @type {Carried} */
  carried = { state: [], recent: {}, sum: null, count: 0 };

  /** The state after the last step. @type {State[]} */
  state = [];

  /** What the last recurrent layer gave for the last step. @type {Float64Array} */
  h = new Float64Array(0);

  /** The steps since that mean. @type {Float64Array[]} */
  pooled = [];

  /** @type {Memory} */
  memory = {};

  /** @type {Float64Array[]} */
  lags = [];

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.forget();
  }

  /** Begins a series anew. */
  reset() {
    Object.assign(this, new Stream(this.model));
  }

  /** Sets the hidden state to zeros, in the middle of a series. */
  forget() {
    this.state = zeroState(this.model.program.nets[0]);
    this.carried.state = this.state;
  }

  /**
   * Reads a step; returns the probabilities, or y, as if the series ended here.
   * @param {ArrayLike<number>} values
   * @returns {{ probabilities: Float64Array, y: Float64Array }}
   */
  step(values) {
    const { model } = this;
    const { job, steps } = model.program;
    const [x] = model.prepare([values], this.memory);
    const output = this.read(x);
    if (job === "classify") return /** @type {any} */ ({ probabilities: softmax(output) });
    this.lags = [...this.lags, x].slice(-lagsOf(steps));
    return /** @type {any} */ ({ y: model.inUnits([output], this.lags)[0] });
  }

  /**
   * Returns the output of the net after a step. Layers after a mean of steps read the mean so far;
   * what they carry changes when it is complete.
   * @param {Float64Array} step
   */
  read(step) {
    const next = { ...this.carried };
    /** @type {Run} */
    const run = { state: next.state, after: [], states: [] };
    const [output] = this.model.program.nets[0].reduce((/** @type {Float64Array[]} */ steps, layer, n) => {
      const add = STREAMED[layer.part];
      return add ? [add(layer, steps[0], next, this, n)] : LAYERS[layer.part](layer, steps, run);
    }, [step]);
    next.state = this.state = run.after;
    [this.h] = run.states;
    if (!this.pooled.length) this.carried = next;
    return output;
  }
}
