"""Lists what `export` can write: its targets, the folders around a header, kinds of weights."""

TARGETS = {
    "c": "c.header",
    "html": "html.page",
    "nam": "audio.nam",
    "onnx": "onnx.file",
    "python": "python.file",
    "rtneural": "audio.rtneural",
    "triton": "onnx.triton",
}
"""The module of each target in `hiddenstate.export`, by its name; imported when it is chosen."""

LAYOUTS = ("arduino", "cmake")
"""The folders that a C header can be put into."""

OFFERED = {
    "html": "one web page that answers in any browser, without a server",
    "onnx": "for ONNX Runtime and most other runtimes",
    "c": "one C header, for microcontrollers and programs without libraries",
    "c arduino": "a library for the Arduino IDE, with a sketch",
    "c cmake": "a CMake project of the C header, with an example and a test",
    "python": "one Python file that needs only numpy",
    "triton": "a folder for the Triton inference server",
    "rtneural": "JSON for RTNeural, in audio plug-ins",
    "nam": "a file for Neural Amp Modeler",
}
"""What each target writes, maybe with a layout, in the order in which the studio offers them."""

WEIGHTS = ("float32", "float16", "int8")
"""How weights can be stored."""
