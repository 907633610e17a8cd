// The page of a run in a notebook: what it learns, its curves and its time, without the server.

import { learningCurves } from "../studio/static/curves.js";
import { h } from "../web/dom.js";
import { Player } from "../studio/static/player.js";
import { Store } from "../studio/static/store.js";
import { setPalette } from "../studio/static/theme.js";
import { speak, t } from "../studio/static/words.js";

const PANELS = { classify: "../studio/static/classify.js", regress: "../studio/static/regress.js", autoencode: "../studio/static/autoencode.js" };

const frame = /** @type {any} */ (window.frameElement);
const { colors } = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("start")).textContent || "");

/** Answers, as the studio would, with what the notebook has. */
window.fetch = async (path, asked) => {
  const what = String(path).replace(/^\/api\/runs\/run\/?/, "") || "details";
  const body = await frame.host.answer(asked && asked.body ? `${what}/${asked.body}` : what);
  const text = body && what === "why" ? new TextDecoder().decode(body) : "";
  const status = !body ? 404 : text.startsWith('{"error"') ? 422 : 200;
  return new Response(body || '{"error": "only the studio answers this"}', { status });
};

/** The news of the run, as the studio's stream sends them. */
class News extends EventTarget {
  static CLOSED = 2;

  /** @param {string} address */
  constructor(address) {
    super();
    const from = Number(new URLSearchParams(address.split("?")[1]).get("from") || 0);
    this.close = frame.host.listen(from, (/** @type {string} */ kind, /** @type {string} */ data, /** @type {number} */ place) => {
      this.dispatchEvent(new MessageEvent(kind, { data, lastEventId: String(place) }));
    });
  }
}
/** @type {any} */ (window).EventSource = News;

setPalette(colors);
const store = new Store("run");
await store.open();
const job = /** @type {keyof typeof PANELS} */ (store.details.job);
const [{ panelsOf }] = await Promise.all([import(PANELS[job]), speak(job)]);

const status = h("span", { class: "status" });
const panels = h("div", { class: `panels ${job}` });
const curves = h("div", { class: "side" }, learningCurves(store).map((picture) => picture.element));
const player = new Player(store);
const update = () => {
  const { status: word } = store.state;
  status.textContent = t(word);
  status.className = `status ${word}`;
};
store.addEventListener("news", update);
update();
document.body.prepend(h("main", { class: "run" },
  h("header", { class: "head" }, h("p", { class: "kind" }, h("bdi", {}, store.details.name), " ", status)),
  h("div", { class: "desk" }, panels, curves), player.element));
await panelsOf(store, panels);

const speed = frame.host.model.get("speed");
let replayed = !speed;
/** Replays the run, once its lines are here. */
function replay() {
  if (replayed || !store.newest) return;
  replayed = true;
  const { seconds } = player.bar;
  player.bar.seconds = (count) => seconds(count) / speed;
  player.play();
}
store.addEventListener("news", replay);
replay();
