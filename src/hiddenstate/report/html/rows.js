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

  // Returns the number of a row in its part of the data.
  number(row) {
    return this.data.numbers ? this.data.numbers[row] : row;
  }

  // Returns the name of a row: its number, and its label if there is one.
  name(row) {
    const { classes, names, split } = this.data;
    const label = classes ? `, ${names[classes[row]]}` : "";
    return `${split} row ${this.number(row)}${label}`;
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
    if (this.rows && !available) facts.push(`only ${this.rows.n} rows are saved`);
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

  // Draws the channels of a series in lanes, or quantities as bars, with their names at the left; a
  // reconstruction is drawn over its row.
  drawLines(canvas, row, part) {
    const { channels, names, more, quantities } = this.rows;
    canvas.style.height = `${(quantities ? 17 : 44) * channels + (more ? 16 : 0)}px`;
    const pen = penOf(canvas);
    const tall = canvas.clientHeight - (more ? 16 : 0);
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
    pen.font = "11px system-ui, sans-serif";
    const longest = Math.max(0, ...names.map((name) => pen.measureText(name).width));
    const left = names.length ? Math.min(longest, 0.4 * canvas.clientWidth) + 12 : 0;
    pen.fillStyle = color("--muted");
    pen.textBaseline = "middle";
    names.forEach((name, channel) => {
      this.write(pen, name, 6, (tall * (channel + 0.5)) / channels, left - 12);
    });
    if (more) this.write(pen, more, 6, tall + 7, canvas.clientWidth);
    const space = [left, canvas.clientWidth - left, tall];
    const [own, again] = [this.values(row, 0), part ? this.values(row, 1) : null];
    const faint = `color-mix(in srgb, ${color("--prediction")} 45%, transparent)`;
    if (quantities) {
      const bar = again ? faint : color("--prediction");
      drawBars(pen, space, own, again, [bar, color("--muted"), color("--prediction")]);
      return;
    }
    const length = own.length / channels;
    pen.lineWidth = 1.5;
    const lines = again ? [[own, "--muted"], [again, "--prediction"]] : [[own, "--target"]];
    for (const [values, name] of lines) {
      const colors = Array(channels).fill(color(name));
      drawLanes(pen, space, values, { channels, length, steps: length, colors });
    }
  }

  // Writes a name in a width, without its end if it is too long.
  write(pen, name, x, y, wide) {
    let text = name;
    while (text && pen.measureText(text === name ? text : `${text}…`).width > wide) {
      text = text.slice(0, -1);
    }
    pen.fillText(text === name ? text : `${text}…`, x, y);
  }
}
