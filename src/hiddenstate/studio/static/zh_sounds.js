// Chinese texts of sounds.

/** @type {Record<string, string>} */
export const TEXTS = {
  "decided after {step} of {all}": "读到 {step}（共 {all}）时做出判断",
  "decided after {step}": "{step} 后做出判断",
  "{at} of {count}": "{at} / {count}",
  "Sound {row}: {label}": "声音 {row}：{label}",
  Listen: "播放声音",
  "This browser cannot play it: {why}": "此浏览器无法播放：{why}",
  "Sound that is read": "所读的声音",
  "Undo the drawing": "撤销绘制",
  Silence: "静音",
  "Open a .wav": "打开 .wav 文件",
  "{rate} samples a second, one channel": "每秒 {rate} 个采样，单声道",
  "{rate} samples a second, {channels} channels": "每秒 {rate} 个采样，{channels} 个声道",
  "Sound of {seconds}. The arrow keys choose a place, the space bar draws a tone there, Delete silences it. {answer}": "长 {seconds} 的声音。方向键选择位置，空格键在那里画一个音，Delete 键消去。{answer}",
  "it is longer than {seconds}": "它长于 {seconds}",
  "{name} is read": "已读入 {name}",
  "{name} cannot be read: {why}": "无法读取 {name}：{why}",
  "not a WAV file; convert it: ffmpeg -i IN OUT.wav": "不是 WAV 文件；请转换：ffmpeg -i IN OUT.wav",
  "damaged or cut off; save or copy it again": "已损坏或不完整；请重新保存或复制",
  "its samples are of a kind that is not read; convert it: ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav": "不支持此种采样格式；请转换：ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav",
  "{own} samples a second, expected {rate}; resample it: ffmpeg -i IN.wav -ar {hertz} OUT.wav": "每秒 {own} 个采样，应为 {rate}；请重新采样：ffmpeg -i IN.wav -ar {hertz} OUT.wav",
  "it has {own} channels, expected {channels}; convert it: ffmpeg -i IN.wav -ac {channels} OUT.wav": "有 {own} 个声道，应为 {channels}；请转换：ffmpeg -i IN.wav -ac {channels} OUT.wav",
  "{own} samples, fewer than a frame of {frame}": "{own} 个采样，少于一帧的 {frame} 个",
};
