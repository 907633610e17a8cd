// Chinese texts of how far states reach back.

/** @type {Record<string, string>} */
export const TEXTS = {
  "How far states reach back": "状态能记住多远",
  "Each step turns and shrinks a complex state: its eigenvalue is a point in the plane. The closer it is to the circle, the longer the state remembers; its angle is how far it turns. A bar is the steps until a response falls to 37 %, the longest first; a dot is the period in steps.": "每一步都使复数状态旋转并缩小：它的特征值是平面上的一个点。点离圆越近，状态记得越久；角度是每步旋转的大小。条形是响应衰减到 37 % 所需的步数，最长的在前；圆点是以步数计的周期。",
  "states: {n}, which reach {least} to {most} steps back after update {step}; the arrow keys move over them.": "第 {step} 次更新后，{n} 个状态能记住 {least} 到 {most} 步；方向键在状态之间移动。",
  "layer {n}": "第 {n} 层",
  "layer {n} forwards": "第 {n} 层，正向",
  "layer {n} backwards": "第 {n} 层，反向",
  "states: {n}, median reach: {steps} steps": "{n} 个状态，记忆长度的中位数 {steps} 步",
  "{layer}, state {state}: reaches {far} steps, period {turn}": "{layer}，状态 {state}：记住 {far} 步，周期 {turn}",
  "1 step": "1 步",
  "steps: bars reach, dots are periods": "步数：条形为记忆长度，圆点为周期",
};
