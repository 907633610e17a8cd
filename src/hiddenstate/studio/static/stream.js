// The stream of events of this page: one, for whatever the page shows.

/** @type {EventSource|null} */
let source = null;
let pinned = "";
let last = "";

/** What comes in: events "lines", "reset", "snapshots", "run", "problem", "runs", "processes", "online". */
export const stream = new EventTarget();

const AGAIN = 2000; // ms until a stream that was refused is asked for again

const KINDS = ["lines", "reset", "snapshots", "run", "problem", "runs", "processes"];

/** The commands that the studio started, newest first. @type {any[]} */
export let processes = [];

/**
 * Listens for what is new in a run from a place of its history on, and in the list of runs.
 * @param {string} [run] empty: in the list alone
 */
export function listen(run = "") {
  pinned = run;
  last = "";
  open();
}

function open() {
  if (source) source.close();
  const query = new URLSearchParams();
  if (pinned) query.set("run", pinned);
  if (last) query.set("from", last);
  source = new EventSource(`/api/stream?${query}`);
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      const { data, lastEventId } = /** @type {MessageEvent} */ (event);
      if (lastEventId) last = lastEventId;
      const value = JSON.parse(data);
      if (kind === "processes") processes = value;
      stream.dispatchEvent(new CustomEvent(kind, { detail: value }));
    });
  }
  const own = source;
  const tell = (/** @type {boolean} */ online) => stream.dispatchEvent(new CustomEvent("online", { detail: online }));
  own.onopen = () => tell(true);
  own.onerror = () => {
    if (source !== own) return;
    tell(false);
    // After a refusal a browser does not try again by itself.
    if (own.readyState === EventSource.CLOSED) window.setTimeout(() => { if (source === own) open(); }, AGAIN);
  };
}

// A page that nobody sees takes nothing; it goes on from its place when it is seen again.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && source) {
    source.close();
    source = null;
  } else if (!document.hidden && !source) {
    open();
  }
});
