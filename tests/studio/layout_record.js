if (!CanvasRenderingContext2D.prototype.records) {
  const { prototype } = CanvasRenderingContext2D;
  prototype.records = true;
  const { clearRect, fillText } = prototype;
  prototype.clearRect = function clear(...box) {
    if (box[0] <= 0 && box[1] <= 0) this.canvas.written = [];
    clearRect.apply(this, box);
  };
  prototype.fillText = function write(text, x, y, most) {
    const size = this.measureText(text);
    const { a, e, f } = this.getTransform();
    const dense = window.devicePixelRatio;
    const narrower = most === undefined ? 1 : Math.min(1, most / size.width);
    const [left, right] = [size.actualBoundingBoxLeft, size.actualBoundingBoxRight].map((side) => narrower * side);
    const corners = [x - left, y - size.actualBoundingBoxAscent, x + right, y + size.actualBoundingBoxDescent];
    (this.canvas.written ||= []).push({ text, box: corners.map((at, side) => (at * a + (side % 2 ? f : e)) / dense) });
    return fillText.apply(this, [text, x, y, ...(most === undefined ? [] : [most])]);
  };
}
