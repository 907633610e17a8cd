() => {
  const ROOM = 1.5; // pixels that two boxes may share, or by which a letter may pass an edge
  const found = [];
  const apart = (one, other) => Math.min(one[2], other[2]) - Math.max(one[0], other[0]) <= ROOM
    || Math.min(one[3], other[3]) - Math.max(one[1], other[1]) <= ROOM;
  const covers = (texts, where) => texts.forEach((one, place) => {
    for (const other of texts.slice(place + 1)) {
      if (one.of !== other.of && !apart(one.box, other.box)) found.push(`${where}: "${one.text}" and "${other.text}"`);
    }
  });
  for (const canvas of document.querySelectorAll("canvas")) {
    const { width, height } = canvas.getBoundingClientRect();
    const where = canvas.closest("figure")?.className || canvas.className;
    const texts = (canvas.written || []).filter(({ text }) => text.trim()).map((each) => ({ ...each, of: each }));
    // Letters of codes lie where the codes do.
    if (!width || canvas.style.visibility === "hidden" || where.includes("cloud")) continue;
    for (const { text, box: [left, top, right, bottom] } of texts) {
      if (left < -ROOM || top < -ROOM || right > width + ROOM || bottom > height + ROOM) found.push(`${where}: "${text}" is cut`);
    }
    covers(texts, where);
  }
  const texts = [];
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest(".unseen, .tip, .player, select, textarea, [hidden]")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const clip = [-Infinity, -Infinity, Infinity, Infinity]; // what scrolls or ends in "…" is no fault
    for (let up = element; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.overflowX === "visible" || style.display === "inline") continue;
      const edges = up.getBoundingClientRect();
      if (edges.left > clip[0]) clip[0] = edges.left;
      if (edges.top > clip[1]) clip[1] = edges.top;
      if (edges.right < clip[2]) clip[2] = edges.right;
      if (edges.bottom < clip[3]) clip[3] = edges.bottom;
    }
    for (const { left, top, right, bottom } of range.getClientRects()) {
      const box = [Math.max(left, clip[0]), Math.max(top, clip[1]), Math.min(right, clip[2]), Math.min(bottom, clip[3])];
      if (box[2] - box[0] > ROOM && box[3] - box[1] > ROOM) texts.push({ text: node.data.trim().slice(0, 40), of: node, box });
      if (right > window.innerWidth + ROOM && clip[2] > window.innerWidth) found.push(`"${node.data.trim()}" is cut by the window`);
    }
  }
  covers(texts, "page");
  return [...new Set(found)].slice(0, 20);
}
