"""What `export` can write: its targets, the folders around a header, how weights are stored."""

TARGETS = ("c", "html", "nam", "onnx", "python", "rtneural", "triton")
"""The targets, whose modules `hiddenstate.export` lists."""

LAYOUTS = ("arduino", "cmake")
"""The folders that a C header can be put into."""

WEIGHTS = ("float32", "float16", "int8")
"""How weights can be stored."""
