// A series that is read while it changes, with the answer and the state after each step.

import { startWhy, touched } from "./why.js";
import { traceOf } from "../../web/reading.js";
import { boxesBelow, chanceBars, chanceLines, drawReading } from "../../web/reading_picture.js";
import { CLASSES, questionOf, readingOf, sayAnswer, showAnswer, switchLayers } from "./chances.js";
import { contextOf, eachFrame } from "../../web/pen.js";
import { PROGRAM, VIEW, byId, classColor, complain, model } from "./page.js";
import { stepBar } from "../../web/timebar.js";

const canvas = byId("reading");

export class Reader {
  // `word` names or writes a step, `bar` and `asked` say more of the bar of time and of what is
  // asked, `shares` are those of the row, the state and the probabilities, `head` is over the row.
  constructor({ word, bar = {}, asked = {}, shares, head, draw }) {
    this.word = word;
    this.shares = shares;
    this.head = head;
    this.net = model;
    this.series = [];
    this.trace = { probabilities: [] };
    this.slow = false;
    this.player = stepBar(byId, word, draw, bar);
    this.why = startWhy("or touch a moment of the state or the probabilities",
      () => questionOf(this.net, this.trace, this.series, this.isRead && this.player.at, { word, columns: VIEW.columns, ...asked }), draw);
    touched(canvas, () => this.boxes()[1], () => this.series.length, (at) => {
      if (!this.isRead) return;
      this.player.stop();
      this.player.go(at);
      this.why.ask();
    });
    // A change is read while it is made, at few steps, unless that takes too long.
    this.changeSoon = eachFrame(() => (this.slow ? draw() : this.change(false)));
    switchLayers((net) => {
      this.net = net;
      this.change(true);
    });
  }

  get isRead() { return this.trace.probabilities.length > 0; }

  boxes() { return boxesBelow(contextOf(canvas), canvas.clientWidth, canvas.clientHeight, this.shares, CLASSES); }

  take(series) {
    this.series = series;
    this.read(false, true);
  }

  change(done) { this.read(true, done); }

  read(keep, done) {
    const begun = performance.now();
    this.player.stop();
    try {
      this.trace = traceOf(this.net, this.series, done ? 40 : 6);
      complain("");
    } catch (error) {
      this.trace = { probabilities: [] };
      complain(`The model cannot read this: ${error.message}.`);
    }
    this.slow = !done && performance.now() - begun > 90;
    this.player.set(this.trace.probabilities.length, keep);
    if (done && this.isRead) sayAnswer(this.trace, this.word);
  }

  // Draws what is read, its row as `row` does; returns the answer in words.
  draw(pen, row) {
    const { trace, series, player: { at } } = this;
    showAnswer(trace, at, this.word);
    this.why.look(trace, at);
    if (this.isRead) {
      drawReading(pen, this.boxes(), readingOf(trace, series.length, at, { upright: false, chances: series.length > 1 ? chanceLines : chanceBars, word: this.word,
        heads: [this.head, PROGRAM.companions.some(({ share }) => !share) ? "hidden state of the network alone, which does not answer" : "hidden state, a line each unit", "probability so far"],
        look: (kind, top) => ({ color: classColor(kind), width: kind === top ? 3 : 1.5, named: kind === top || trace.probabilities[at - 1][kind] > 0.2 }), row }));
    } else row(pen, this.boxes()[0]);
    return `${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`;
  }
}
