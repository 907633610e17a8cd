// Chinese texts of what answers in a run.

/** @type {Record<string, string>} */
export const TEXTS = {
  "the model": "模型",
  "Whose answers are shown": "显示谁的答案",
  "Answered by {who}; {part}. ": "由{who}作答；{part}。",
  "the network has no share in it": "网络不参与",
  "{share} of it is by the network": "其中 {share} 来自网络",
  "This run has pictures of the network alone.": "此次运行只有单独网络的图。",
  "the network adds to it": "网络在其上叠加",
  "The network alone, before {beside} may join at the end.": "目前仅有网络；结束时{beside}可能加入。",
  "the network and fixed convolutions": "网络与固定卷积",
  "All of the output of the network is added to the linear path; the end gives it a share.": "网络的输出全部加到线性路径上；结束时才确定它的份额。",
  "linear path": "线性路径",
  "the linear path": "线性路径",
  "the network and the linear path": "网络与线性路径",
};
