// A forecast, from the present on.

import { VIEW, byId, complain, model } from "./page.js";
import { forecastOf } from "../../web/ahead.js";
import { forecastPanel } from "../../web/forecast_panel.js";

forecastPanel(byId("forecast"), VIEW.forecast, { answer: (rows, sizes) => forecastOf(model, rows, sizes), complain });
