// The answer of a classifier: probabilities while it reads, and when it decided.

const CLASSES = VIEW.classes;

// A model without a stream reads the first steps anew for each answer: so many products at most.
const LONGEST = 1e9;
const weightsIn = (value) => (value && value.data ? value.data.length : value && typeof value === "object"
  ? Object.values(value).reduce((sum, each) => sum + weightsIn(each), 0) : 0);
const FIXED = PROGRAM.convolutions;
const WEIGHTS = (FIXED && !FIXED.net_share ? 0 : weightsIn(PROGRAM.nets)) + (FIXED ? 9 * 84 * FIXED.dilations.length + FIXED.biases.data.length : 0);

// Reads a row; returns probabilities after every step, and the states. Without a stream the first
// steps are read anew, at most so many times.
function traceOf(row, most = 40) {
  const [probabilities, states] = [[], []];
  if (model.streams) {
    const stream = model.stream();
    for (const step of row) {
      probabilities.push(stream.step(step).probabilities);
      states.push(stream.h);
    }
    return { probabilities, states };
  }
  const apart = Math.ceil(row.length / clamp((LONGEST / 40) * (most / (WEIGHTS * row.length)), 2, most));
  let last = null;
  row.forEach((_, t) => {
    if (t % apart === 0 || t === row.length - 1) last = model.predict(row.slice(0, t + 1));
    probabilities.push(last.probabilities);
  });
  return { probabilities, states: last.states };
}

const largest = (values) => values.indexOf(Math.max(...values));

// Returns after how many steps the most probable class was the last one, and stayed it.
function decidedAfter(probabilities) {
  const end = largest(probabilities[probabilities.length - 1]);
  let t = probabilities.length - 1;
  while (t > 0 && largest(probabilities[t - 1]) === end) t -= 1;
  return t + 1;
}

const bars = CLASSES.map((name) => {
  const item = document.createElement("li");
  item.innerHTML = '<bdi></bdi><svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect height="6"/></svg><span></span>';
  item.firstChild.textContent = name;
  item.firstChild.title = name;
  byId("bars").append(item);
  return item;
});
byId("bars").tabIndex = CLASSES.length > 12 ? 0 : -1;

// Shows the probabilities after `at` steps; at the end also when it was decided.
function showAnswer(trace, at, word) {
  const now = at ? trace.probabilities[at - 1] : null;
  const top = now ? largest(now) : -1;
  byId("label").textContent = now ? CLASSES[top] : "–";
  byId("label").classList.toggle("long", top >= 0 && CLASSES[top].length > 4);
  byId("sure").textContent = now ? `${percent(now[top])} sure` : "nothing read yet";
  const done = now && at === trace.probabilities.length;
  byId("decided").textContent = done ? `Decided at ${word} ${decidedAfter(trace.probabilities)} of ${at}.` : "";
  bars.forEach((bar, place) => {
    const share = now ? now[place] : 0;
    bar.classList.toggle("first", place === top);
    bar.querySelector("rect").setAttribute("width", 100 * share);
    bar.lastChild.textContent = now ? percent(share) : "";
  });
}

function sayAnswer({ probabilities }, word) {
  const now = probabilities[probabilities.length - 1];
  const top = largest(now);
  say(`${CLASSES[top]}, ${percent(now[top])} sure, decided at ${word} ${decidedAfter(probabilities)} of ${probabilities.length}`);
}
