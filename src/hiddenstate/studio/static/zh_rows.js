// Chinese texts of rows that a reader pastes, drops or opens, and of why they cannot be read.

/** @type {Record<string, string>} */
export const TEXTS = {
  "columns are separated by '{other}', not by '{found}' as in the training file": "列由 '{other}' 分隔，而训练文件用 '{found}'",
  "line {line}: a quote is opened but not closed": "第 {line} 行：引号没有闭合",
  "no column {name}; there are {names}": "没有列 {name}；现有 {names}",
  "no column {name}; there are {names}, and no header": "没有列 {name}；现有 {names}，且没有表头",
  "the columns have names ({names}), and the model was trained on columns without names; remove the header": "各列有名称（{names}），而模型训练时的列没有名称；请删去表头",
  "expected {n} columns, or a header; found {found}": "应有 {n} 列或一行表头；实有 {found} 列",
  "the lines cannot be ordered by {column}; expected numbers, or dates like 2020-12-31": "无法按 {column} 给各行排序；应为数字，或 2020-12-31 这样的日期",
  "line {line}, column {column}: a time occurs twice in a series": "第 {line} 行，列 {column}：同一序列中时间重复",
  "line {line}, column {column}: not the {every} after the one before; add a line for each {every} that is missing, with its time alone": "第 {line} 行，列 {column}：与前一行不是相邻的 {every}；请为每个缺少的 {every} 补一行，只写时间",
  "there are no lines": "没有任何行",
  "there are no numbers": "没有任何数字",
  "line {line}: two columns are named {name}": "第 {line} 行：有两列都叫 {name}",
  "line {line}: expected {n} columns as in the first line, found {found}": "第 {line} 行：应与第一行一样有 {n} 列，实有 {found} 列",
  "line {line}, column {column}: no id": "第 {line} 行，列 {column}：没有序列名",
  "line {line}, column {column}: no time": "第 {line} 行，列 {column}：没有时间",
  "line {line}, column {column}: expected a number, found {found}": "第 {line} 行，列 {column}：应为数字，实为 {found}",
  "line {line}, column {column}: expected a number, found {found}; the decimal mark of the training file is '{mark}'": "第 {line} 行，列 {column}：应为数字，实为 {found}；训练文件的小数点是 '{mark}'",
  "line {line}, column {column}: missing or not finite; the model was trained without missing values": "第 {line} 行，列 {column}：缺失或不是有限数；模型训练时没有缺失值",
  "it is not text in {encoding}": "不是 {encoding} 编码的文本",
  "a value is missing, and the model knows no gaps": "有缺失值，而模型不接受缺失值",
  "a value is 0 or less, but the model reads logarithms": "有不大于 0 的值，而模型读取的是对数",
  "lines have {width} numbers, and a step has {n}": "每行有 {width} 个数字，而一个时间步有 {n} 个",
};
