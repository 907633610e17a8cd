// Shows the row of a code: itself and its reconstruction, as pictures or lines, and facts.

class RowViewer {
  constructor(data) {
    this.data = data;
    this.rows = data.rows;
    this.bytes = this.rows ? unpack(this.rows.bytes, Uint8Array) : null;
    this.title = document.getElementById("plot-title");
    this.facts = document.getElementById("plot-facts");
    this.pair = document.querySelector(".pair");
    this.pair.hidden = true;
    this.pair.classList.toggle("lines", Boolean(this.rows) && !this.rows.picture);
    document.getElementById("plot-rebuilt-part").hidden = !(this.rows && this.rows.rebuilt);
  }

  // Returns the name of a row: its number, and its label if there is one.
  name(row) {
    const { classes, names, split } = this.data;
    const label = classes ? `, ${names[classes[row]]}` : "";
    return `${split} row ${row}${label}`;
  }

  show(row, code) {
    this.shown = [row, code];
    const available = this.rows !== null && row >= 0 && row < this.rows.n;
    this.pair.hidden = !available;
    if (row < 0) {
      this.title.textContent = "No row selected";
      this.facts.textContent = "Point at a code, or press N in the plot.";
      return;
    }
    const name = this.name(row);
    this.title.textContent = name[0].toUpperCase() + name.slice(1);
    const facts = [`code (${code.join(", ")})`];
    if (available && this.rows.errors) {
      facts.push(`squared error per number ${this.rows.errors[row] ?? "not finite"}`);
    }
    if (this.rows && !available) facts.push(`only rows up to ${this.rows.n - 1} are saved`);
    this.facts.textContent = facts.join("; ");
    if (!available) return;
    this.draw("plot-original", row, 0);
    if (this.rows.rebuilt) this.draw("plot-rebuilt", row, 1);
  }

  again() {
    if (this.shown) this.show(...this.shown);
  }

  // Returns the numbers of a row (part 0) or of its reconstruction (part 1), from 0 to 255.
  values(row, part) {
    const first = (part * this.rows.n + row) * this.rows.width;
    return this.bytes.subarray(first, first + this.rows.width);
  }

  draw(id, row, part) {
    const canvas = document.getElementById(id);
    if (this.rows.picture) paintPixels(canvas, this.rows.picture, this.values(row, part));
    else this.drawLines(canvas, row, part);
  }

  // Draws each channel as a line in a lane; a reconstruction is drawn over its row.
  drawLines(canvas, row, part) {
    const dense = window.devicePixelRatio || 1;
    const { channels } = this.rows;
    const wide = canvas.parentElement.clientWidth || 240;
    canvas.width = Math.round(wide * dense);
    canvas.height = Math.round((40 + 40 * channels) * dense);
    const lane = canvas.height / channels;
    const pen = canvas.getContext("2d");
    const styles = getComputedStyle(document.documentElement);
    const lines = part ? [["--muted", 0], ["--prediction", 1]] : [["--target", 0]];
    for (const [color, which] of lines) {
      const values = this.values(row, which);
      const steps = values.length / channels;
      pen.strokeStyle = styles.getPropertyValue(color);
      pen.lineWidth = 1.5 * dense;
      for (let channel = 0; channel < channels; channel += 1) {
        pen.beginPath();
        for (let step = 0; step < steps; step += 1) {
          const share = values[step * channels + channel] / 255;
          pen.lineTo(
            ((step + 0.5) / steps) * canvas.width,
            lane * (channel + 0.94 - 0.88 * share),
          );
        }
        pen.stroke();
      }
    }
  }
}
