// What the plot's parts share: unpacking, and colours.

// Numbers packed as little-endian bytes in base64.
function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

// The parts of a colour like #1b1f24.
function rgb(color) {
  const text = color.trim();
  return [1, 3, 5].map((from) => parseInt(text.slice(from, from + 2), 16));
}

// Black or white, whichever reads better on a colour (WCAG 2 contrast).
function inkOn(color) {
  const part = (from) => {
    const value = parseInt(color.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const light = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
  return (light + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}
