// A pad to draw on, and the picture that a network reads of it.

const FINE = 8; // samples of a pixel on each side
const PEN = 2.5 / 28; // width of the pen, as a share of the shorter side of a picture
const BOX = 20 / 28; // side of the box of a centred drawing, as MNIST has it

// Returns the pixels (height * width) of strokes, whose points are shares of the pad. Centred, the
// drawing is as large as the box, and its centre of mass in the middle, as in MNIST.
function rasterOf(strokes, [height, width], centred) {
  const side = Math.min(height, width);
  const points = strokes.flat().map(([x, y]) => [x * width, y * height]);
  if (!points.length) return new Uint8Array(height * width);
  let place = ([x, y]) => [x * width, y * height];
  if (centred) {
    const ends = [0, 1].map((axis) => {
      const values = points.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    });
    const extent = Math.max(...ends.map(([low, high]) => high - low));
    const scale = Math.min((BOX - PEN) * side / extent, 4);
    const middle = ends.map(([low, high]) => (low + high) / 2);
    place = ([x, y]) => [
      width / 2 + (x * width - middle[0]) * scale, height / 2 + (y * height - middle[1]) * scale];
  }
  const values = painted(strokes, place, height, width);
  if (!centred) return values;
  let [sum, right, down] = [0, 0, 0];
  values.forEach((value, at) => {
    sum += value;
    right += value * ((at % width) + 0.5);
    down += value * (Math.floor(at / width) + 0.5);
  });
  const shift = [Math.round(width / 2 - right / sum), Math.round(height / 2 - down / sum)];
  return painted(strokes, (point) => place(point).map((value, axis) => value + shift[axis]), height, width);
}

function painted(strokes, place, height, width) {
  const canvas = document.createElement("canvas");
  canvas.width = width * FINE;
  canvas.height = height * FINE;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.scale(FINE, FINE);
  strokeAll(pen, strokes, place, PEN * Math.min(height, width));
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(height * width);
  for (let y = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1) {
      sums[Math.floor(y / FINE) * width + Math.floor(x / FINE)] += data[4 * (y * canvas.width + x) + 3];
    }
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
}

function strokeAll(pen, strokes, place, width) {
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.lineWidth = width;
  for (const stroke of strokes) {
    pen.beginPath();
    stroke.forEach((point, number) => (number ? pen.lineTo(...place(point)) : pen.moveTo(...place(point))));
    if (stroke.length === 1) pen.lineTo(...place(stroke[0]));
    pen.stroke();
  }
}

// A canvas to draw on with a pointer or keys. `changed(done)` is called after every move.
class Pad {
  constructor(canvas, shape, changed) {
    Object.assign(this, { canvas, shape, changed, strokes: [], shown: null });
    this.pen = [0.5, 0.2];
    this.down = false;
    canvas.style.aspectRatio = `${shape[1]} / ${shape[0]}`;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => this.end());
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
    redrawWith(() => this.draw(), canvas);
    this.draw();
  }

  placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  begin(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.keys = false;
    this.down = false;
    this.drawing = true;
    this.add(this.placeOf(event), true);
  }

  move(event) {
    if (!this.drawing) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [event];
    for (const each of events.length ? events : [event]) this.strokes[this.strokes.length - 1].push(this.placeOf(each));
    this.draw();
    this.changed(false);
  }

  end() {
    if (!this.drawing) return;
    this.drawing = false;
    this.changed(true);
  }

  // Adds a point, to a new stroke or to the last one.
  add(point, fresh) {
    this.shown = null;
    if (fresh || !this.strokes.length) this.strokes.push([point]);
    else this.strokes[this.strokes.length - 1].push(point);
    this.draw();
    this.changed(false);
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) {
      const far = event.shiftKey ? 0.01 : 0.04;
      this.pen = this.pen.map((value, axis) => clamp(value + far * move[axis], 0, 1));
      this.keys = true;
      if (this.down) this.add(this.pen, false);
      else this.draw();
    } else if (event.key === " ") {
      this.down = !this.down;
      this.keys = true;
      if (this.down) this.add(this.pen, true);
      else this.changed(true);
      say(this.down ? "pen down" : "pen up");
      this.draw();
    } else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
  }

  clear() {
    this.strokes = [];
    this.shown = null;
    this.down = false;
    this.draw();
    this.changed(true);
  }

  // Shows a picture instead of a drawing.
  show(values) {
    this.strokes = [];
    this.shown = values;
    this.down = false;
    this.draw();
  }

  draw() {
    const pen = penOf(this.canvas);
    const [wide, tall] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (this.shown) {
      const small = document.createElement("canvas");
      paintPixels(small, this.shape, this.shown);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(small, 0, 0, wide, tall);
      return;
    }
    const place = ([x, y]) => [x * wide, y * tall];
    pen.strokeStyle = colorOf("ink");
    strokeAll(pen, this.strokes, place, PEN * Math.min(wide, tall));
    if (this.keys && document.activeElement === this.canvas) {
      pen.strokeStyle = colorOf("prediction");
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(...place(this.pen), this.down ? 5 : 9, 0, 2 * Math.PI);
      pen.stroke();
    } else if (!this.strokes.length) {
      write(pen, "draw here", wide / 2, tall / 2, colorOf("muted"), "center", 15);
    }
  }
}

// Adds buttons with the pictures of the run; `choose(values, number)` is called on a click.
function addExamples(rows, shape, names, choose) {
  if (!rows.length) return;
  byId("examples").hidden = false;
  const paint = rows.map((values, number) => {
    const [item, button, canvas] = ["li", "button", "canvas"].map((name) => document.createElement(name));
    button.type = "button";
    button.setAttribute("aria-label", `Picture ${number + 1}${names[number] === undefined ? "" : `: ${names[number]}`}`);
    canvas.className = "pixels";
    button.append(canvas);
    item.append(button);
    byId("choices").append(item);
    button.addEventListener("click", () => choose(values, number));
    return () => paintPixels(canvas, shape, values);
  });
  const all = () => paint.forEach((each) => each());
  all();
  document.addEventListener("theme", all);
}
