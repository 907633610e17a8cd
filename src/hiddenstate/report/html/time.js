// The time bar: the slider is the moment of training, under its learning curve. Playing starts from
// it, or at the end from the beginning.

const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

class TimeBar {
  // Calls `moved` with the moment, which may be between two while it plays.
  constructor(prefix, { steps, losses, unit }, moved) {
    const part = (name) => document.getElementById(`${prefix}-${name}`);
    this.steps = steps;
    this.losses = losses;
    this.unit = unit || "update";
    this.moved = moved;
    this.last = steps.length - 1;
    this.moment = this.last;
    this.reached = this.last; // exact place while playing; the moment jumps if motion is reduced
    this.playing = false;
    this.slider = part("moment");
    this.button = part("play");
    this.words = part("step");
    this.slider.max = String(this.last);
    this.slider.value = String(this.last);
    part("time").hidden = this.last < 1;
    this.slider.addEventListener("input", () => {
      this.play(false);
      this.moment = Number(this.slider.value);
      this.settle();
    });
    this.button.addEventListener("click", () => {
      this.reached = this.moment >= this.last ? 0 : this.moment;
      this.play(!this.playing);
    });
    this.drawCurve(part("curve"));
  }

  // Draws the losses, on a log axis if they are positive.
  drawCurve(curve) {
    const known = this.losses.filter((loss) => loss !== null);
    const log = known.every((loss) => loss > 0);
    const height = (loss) => (log ? Math.log(loss) : loss);
    const low = Math.min(...known.map(height));
    const high = Math.max(...known.map(height));
    const points = this.losses.map((loss, place) => (loss === null ? "" : [
      (100 * place) / Math.max(this.last, 1),
      18 - (16 * (height(loss) - low)) / (high - low || 1),
    ].map((number) => number.toFixed(2)).join(",")));
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", points.filter(Boolean).join(" "));
    curve.append(line);
  }

  settle() {
    const place = Math.round(this.moment);
    const loss = this.losses[place];
    const count = this.steps[place];
    const text = `after ${count.toLocaleString("en")} ${this.unit}${count === 1 ? "" : "s"}`
      + (loss === null ? "" : `, mean loss ${Number(loss.toPrecision(3))}`);
    this.words.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.moved(this.moment);
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.button.classList.toggle("playing", on);
    this.button.setAttribute("aria-label", on ? "Pause" : "Play the training");
    this.before = performance.now();
    if (on) requestAnimationFrame((now) => this.go(now));
  }

  go(now) {
    if (!this.playing) return;
    const passed = Math.max(now - this.before, 0) / 1000;
    this.before = now;
    const pace = Math.max(this.last / 12, 1); // all of training takes about twelve seconds
    this.reached = Math.min(this.reached + passed * pace, this.last);
    this.moment = calm.matches ? Math.floor(this.reached) : this.reached;
    this.slider.value = String(Math.round(this.moment));
    this.settle();
    if (this.reached >= this.last) this.play(false);
    else requestAnimationFrame((later) => this.go(later));
  }
}
