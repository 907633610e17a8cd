// Chinese texts of rows of one step that a reader changes.

/** @type {Record<string, string>} */
export const TEXTS = {
  "Type or drag a value: the net of the moment answers at once. The curves show how the answer changes with each column while the others stay as they are.": "输入或拖动一个值：当前时刻的网络立即给出答案。曲线表示其他列不变时，答案如何随每一列变化。",
  "How the answer changes with each column, the others as they are": "其他列不变时，答案如何随每一列变化",
  "row {row} of the run": "运行中的第 {row} 行",
  "the middle of each column": "每列的中间值",
  "Target of the curves": "曲线所示的目标",
  "{name}: {text} is not a number": "{name}：{text} 不是数字",
  "{name} is empty, and the model knows no missing values": "{name} 为空，而模型不接受缺失值",
  "another, or none": "其他或无",
  "{name}, from {low} to {high}": "{name}，从 {low} 到 {high}",
  "80 %: {low} to {high}": "80 %：{low} 至 {high}",
  "in the data: {value}": "数据中的值：{value}",
  "Off by ± {mean} on average in held-out rows.": "在留出的行上平均误差为 ± {mean}。",
};
