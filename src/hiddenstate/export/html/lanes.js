// A series drawn in lanes, one a channel, whose lines can be bent.

const MOST_LANES = 6;

// Returns a value as a channel can have it: above 0 where the model reads logarithms, or a pixel.
function allowed(channel, value) {
  if (PROGRAM.pixels) return clamp(Math.round(value), 0, 255);
  const place = PROGRAM.linear ? PROGRAM.linear.features.indexOf(channel) : -1;
  return place >= 0 && PROGRAM.linear.log[place] ? Math.max(value, VIEW.low[channel]) : value;
}

// Draws values (a number a step, NaN where there is none) over the steps of a box.
function drawLane(pen, [x, y, wide, tall], values, [low, high], color, { dash = [], width = 1.6, upTo } = {}) {
  const n = values.length;
  const points = values.slice(0, upTo).map((value, t) => [
    x + ((t + 0.5) / n) * wide, y + tall * (0.94 - (0.88 * (value - low)) / (high - low || 1))]);
  line(pen, points, color, width, dash);
}

// Writes the name of a lane in its corner, and its range at the left.
function nameLane(pen, [x, y, , tall], name, [low, high], color) {
  write(pen, name, x + 6, y + 14, color);
  write(pen, short(high), x - 5, y + 11, colorOf("muted"), "right", 10.5);
  write(pen, short(low), x - 5, y + tall - 3, colorOf("muted"), "right", 10.5);
}

// The range of a channel: that of the model, or wider if values are outside of it.
function rangeOf(series, channel) {
  let [low, high] = [VIEW.low[channel], VIEW.high[channel]];
  for (const step of series) {
    if (!Number.isFinite(step[channel])) continue;
    low = Math.min(low, step[channel]);
    high = Math.max(high, step[channel]);
  }
  return [low, high];
}

// Lets a reader bend lanes of a canvas. `lanes()` returns {box, channel, range} of each, `series()`
// the steps, `words()` the answer; `changed(done)` is called after each change, `draw()` to draw the
// step that is chosen with keys.
class Bender {
  constructor(canvas, channelSelect, pageParts) {
    Object.assign(this, { canvas, channelSelect, cursor: null, ...pageParts });
    // A finger on a lane bends it; elsewhere it scrolls the page.
    canvas.addEventListener("touchstart", (event) => {
      if (this.laneAt(this.placeOf(event.touches[0]))) event.preventDefault();
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.end());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      this.draw();
    });
  }

  get channel() {
    return Number(this.channelSelect.value) || 0;
  }

  placeOf(event) {
    const bounds = this.canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  }

  laneAt([x, y]) {
    return this.lanes().find(({ box }) => y >= box[1] && y <= box[1] + box[3] && x >= box[0]);
  }

  begin(event) {
    if (event.button) return;
    const lane = this.laneAt(this.placeOf(event));
    if (!lane) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.channelSelect.value = lane.channel;
    this.lane = lane;
    this.last = null;
    this.move(event);
  }

  move(event) {
    if (!this.lane) return;
    const [x, y] = this.placeOf(event);
    const { box, range: [low, high], channel } = this.lane;
    const n = this.series().length;
    const t = clamp(Math.floor(((x - box[0]) / box[2]) * n), 0, n - 1);
    const share = clamp((0.94 - (y - box[1]) / box[3]) / 0.88, 0, 1);
    const value = low + share * (high - low);
    const [from, before] = this.last || [t, value];
    const way = Math.abs(t - from);
    for (let k = way ? 1 : 0; k <= way; k += 1) {
      const part = way ? k / way : 1;
      this.pull(from + Math.round((t - from) * part), channel, before + (value - before) * part);
    }
    this.last = [t, value];
    this.changed(false);
  }

  end() {
    if (!this.lane) return;
    this.lane = null;
    this.changed(true);
  }

  // Sets a value, and draws those around it along.
  pull(t, channel, value) {
    const series = this.series();
    const reach = Math.max(1, Math.round(series.length / 30));
    const by = value - (Number.isFinite(series[t][channel]) ? series[t][channel] : value);
    for (let near = Math.max(t - 2 * reach, 0); near <= Math.min(t + 2 * reach, series.length - 1); near += 1) {
      const now = near === t ? value - by : series[near][channel];
      const share = near === t ? 1 : 0.9 * Math.exp(-(((near - t) / reach) ** 2));
      if (Number.isFinite(now)) series[near][channel] = allowed(channel, now + share * by);
    }
  }

  key(event) {
    const series = this.series();
    const shown = this.lanes();
    const lane = shown.find(({ channel }) => channel === this.channel) || shown[0];
    const t = this.cursor === null ? 0 : this.cursor;
    const far = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowLeft") this.cursor = Math.max(t - far, 0);
    else if (event.key === "ArrowRight") this.cursor = this.cursor === null ? 0 : Math.min(t + far, series.length - 1);
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      this.cursor = t;
      const by = ((event.key === "ArrowUp" ? 1 : -1) * (lane.range[1] - lane.range[0])) / 40;
      const now = series[t][lane.channel];
      this.pull(t, lane.channel, Number.isFinite(now) ? now + by : (lane.range[0] + lane.range[1]) / 2);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const place = shown.indexOf(lane) + (event.key === "PageUp" ? -1 : 1);
      this.channelSelect.value = shown[clamp(place, 0, shown.length - 1)].channel;
    } else return;
    event.preventDefault();
    const bent = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (bent) this.changed(true);
    else this.draw();
    const value = series[this.cursor || 0][this.channel];
    say(`${VIEW.columns[this.channel]}, step ${(this.cursor || 0) + 1}: ${short(value)}. ${bent ? this.words() : ""}`);
  }

  // Marks the step chosen with keys.
  mark(pen) {
    if (this.cursor === null) return;
    const lane = this.lanes().find(({ channel }) => channel === this.channel);
    const series = this.series();
    if (!lane || this.cursor >= series.length) return;
    const { box, range: [low, high], channel } = lane;
    pen.strokeStyle = colorOf("target");
    pen.lineWidth = 2;
    pen.beginPath();
    const value = Number.isFinite(series[this.cursor][channel]) ? series[this.cursor][channel] : low;
    pen.arc(box[0] + ((this.cursor + 0.5) / series.length) * box[2],
      box[1] + box[3] * (0.94 - (0.88 * (value - low)) / (high - low || 1)), 6, 0, 2 * Math.PI);
    pen.stroke();
  }
}

// Returns which channels are drawn: the first ones, and the chosen one.
function drawnChannels(chosen) {
  const all = VIEW.columns.map((_, place) => place);
  const first = all.slice(0, MOST_LANES);
  return first.includes(chosen) ? first : [...first.slice(0, -1), chosen];
}

// Returns copies of the steps of a series.
const copied = (series) => series.map((step) => step.slice());
