// Chinese texts of the forecast of a run.

/** @type {Record<string, string>} */
export const TEXTS = {
  "The history of a series, what was forecast of its held-out part, and the forecast with its intervals. Drag what is known ahead, and the forecast bends.": "一个序列的历史、当时对留出部分的预测，以及带区间的未来预测。拖动预先已知的值，预测会随之改变。",
  "As in the data": "恢复为数据中的值",
  observed: "观测值",
  "forecast then": "当时的预测",
  forecast: "预测值",
  "known ahead, drag it": "预先已知，可拖动",
  "The model cannot read this: {why}.": "模型无法读取：{why}。",
  "There were no earlier steps to compare forecasts with.": "没有更早的步可以与预测比较。",
  "{target}: off by ± {own} on average in the held-out part, 1 to {n} steps ahead; {simple}: ± {other}.": "{target}：留出部分提前 1 至 {n} 步的平均误差为 ± {own}；{simple}：± {other}。",
  "{target}: off by ± {own} on average in earlier steps, 1 to {n} steps ahead; {simple}: ± {other}.": "{target}：更早各步提前 1 至 {n} 步的平均误差为 ± {own}；{simple}：± {other}。",
  "Keys on the chart: left and right choose a step, up and down bend what is known ahead there, Page Up and Page Down choose a column.": "图上的按键：左右键选择一步，上下键改变该步预先已知的值，Page Up 和 Page Down 选择列。",
  "the value {n} steps earlier": "{n} 步之前的值",
  "The first {n} of {all} series are here.": "这里是 {all} 个序列中的前 {n} 个。",
};
