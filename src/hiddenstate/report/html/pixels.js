// Unpacking, colours and pixels.

// Unpacks numbers from little-endian bytes in base64.
function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

// Returns red, green and blue of a colour such as #1b1f24.
function rgb(color) {
  const text = color.trim();
  return [1, 3, 5].map((from) => parseInt(text.slice(from, from + 2), 16));
}

// Returns black or white, the one with more contrast on a colour (WCAG 2).
function inkOn(color) {
  const part = (from) => {
    const value = parseInt(color.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return (light + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}

// Paints one pixel per number from 0 to 255, from paper to ink; the style enlarges them.
function paintPixels(canvas, [height, width], values) {
  canvas.height = height;
  canvas.width = width;
  const styles = getComputedStyle(document.documentElement);
  const paper = rgb(styles.getPropertyValue("--paper"));
  const ink = rgb(styles.getPropertyValue("--ink"));
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(width, height);
  values.forEach((value, place) => {
    for (let part = 0; part < 3; part += 1) {
      image.data[4 * place + part] = paper[part] + ((ink[part] - paper[part]) * value) / 255;
    }
    image.data[4 * place + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
}

// Fits a canvas to its place on the page, sharp at any resolution, and returns its pen.
function penOf(canvas) {
  const dense = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * dense);
  canvas.height = Math.round(canvas.clientHeight * dense);
  const pen = canvas.getContext("2d");
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  return pen;
}
