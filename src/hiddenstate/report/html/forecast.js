// The forecast of the run, series by series.

import { forecastPanel } from "../../web/forecast_panel.js";

const forecastData = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("forecast-data")).textContent || "");
const forecastPlace = /** @type {HTMLElement} */ (document.getElementById("fan"));
forecastPanel(forecastPlace, { fans: forecastData }, { height: "23rem" });
