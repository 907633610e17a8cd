// Chinese texts of the forecast of a run.

/** @type {Record<string, string>} */
export const TEXTS = {
  "The history of a series, what was forecast of its held-out part, and the forecast with its intervals. Drag what is known ahead, and the forecast bends.": "一个序列的历史、当时对留出部分的预测，以及带区间的未来预测。拖动预先已知的值，预测会随之改变。",
  "The forecast is that of the model, not of the network alone.": "这里是模型的预测，而不是单独网络的预测。",
  "As in the data": "恢复为数据中的值",
  observed: "观测值",
  "forecast then": "当时的预测",
  forecast: "预测值",
  "known ahead, drag it": "预先已知，可拖动",
  "The model cannot read this: {why}.": "模型无法读取：{why}。",
  "There were no earlier steps to compare forecasts with.": "没有更早的步可以与预测比较。",
  "{target}: off by ± {own} on average in the held-out part, {steps}; {simple}: ± {other}.": "{target}：留出部分{steps}的平均误差为 ± {own}；{simple}：± {other}。",
  "{target}: off by ± {own} on average in earlier steps, {steps}; {simple}: ± {other}.": "{target}：更早各步{steps}的平均误差为 ± {own}；{simple}：± {other}。",
  "1 to {n} steps ahead": "提前 1 至 {n} 步",
  "1 step ahead": "提前 1 步",
  "Keys on the chart: left and right choose a step, up and down bend what is known ahead there, Page Up and Page Down choose a column.": "图上的按键：左右键选择一步，上下键改变该步预先已知的值，Page Up 和 Page Down 选择列。",
  "{name} is not known after the end of the data: its last {n} values are repeated.": "{name} 在数据结束之后未知：这里重复它最后的 {n} 个值。",
  "{name} is not known after the end of the data: its last value goes on.": "{name} 在数据结束之后未知：这里沿用它的最后一个值。",
  "No intervals: the held-out steps are too few to judge earlier forecasts.": "没有区间：留出的步太少，无法评判更早的预测。",
  "No intervals: the steps of the data are too few to judge earlier forecasts.": "没有区间：数据的步太少，无法评判更早的预测。",
  "Intervals from {first} earlier forecasts": "区间来自 {first} 次更早的预测",
  "Intervals from {first} earlier forecasts of each step ahead": "区间来自每个提前步各 {first} 次更早的预测",
  "Intervals from {first} earlier forecasts 1 step ahead and {last} {n} steps ahead": "区间来自更早的预测：提前 1 步 {first} 次，提前 {n} 步 {last} 次",
  "{from}, of held-out steps.": "{from}，均为留出部分的步。",
  "{from}, of steps that may include training rows.": "{from}；这些步可能包含训练数据。",
  "The first {n} of {all} series are here.": "这里是 {all} 个序列中的前 {n} 个。",
};
