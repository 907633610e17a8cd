"""The files of plug-ins for audio, for nets that read one signal."""
