// The answer to a target in its units, which is explained of a regressor.

import { meanOf } from "./net.js";
import { appliedBack, undoneTraced } from "./step_gradients.js";
import { stepOf } from "./steps.js";
import { ANSWERS } from "./why.js";

ANSWERS.regress = {
  of(steps, outputs, x, t, chosen) {
    const [y, back] = undoneTraced(steps, meanOf(outputs), x, t);
    return [y[chosen], (own) => {
      const d = back(y.map((_, o) => Number(o === chosen)), own).map((value) => value / outputs.length);
      return outputs.map(() => d);
    }];
  },
  read: appliedBack,
  unit: (steps, chosen) => (stepOf(steps, "Logarithm") ? 1 : Math.abs(1 / (stepOf(steps, "TargetScale")?.factor.data[chosen] || 1))),
};
