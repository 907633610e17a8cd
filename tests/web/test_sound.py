"""Sounds on pages: their steps are those that Python reads, and what it refuses is refused."""

import base64
import json
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.data.framing import Framing, from_mu_law
from hiddenstate.data.readers.wav import open_wav
from tests.data.readers.test_sounds import wav

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="requires node")

SCRIPT = Path(hiddenstate.__file__).parent / "web" / "sound.js"


def run(code: str) -> Any:
    """Return what an expression gives in JSON, with the functions of the script at hand."""
    scripts = {"s": SCRIPT, "f": SCRIPT.with_name("framing.js")}
    text = "".join(
        f"import * as {n} from {json.dumps(str(path))};\n" for n, path in scripts.items()
    )
    text += f"console.log(JSON.stringify({code}));"
    words = ["node", "--input-type=module", "-"]
    return json.loads(
        subprocess.run(words, input=text, capture_output=True, check=True, text=True).stdout
    )


def file_of(content: bytes) -> str:
    """Return a file in JavaScript."""
    return f"new Blob([Buffer.from('{base64.b64encode(content).decode()}', 'base64')])"


FORMS: list[tuple[Framing, dict[str, Any]]] = [
    (Framing(1, 8000, 200, 32), {}),
    (Framing(2, 16000, 400, 32), {"bits": 24}),
    (Framing(1, 44100, 1102, 32), {"bits": 8}),
    (Framing(1, 22050, 551, 40), {"bits": 32, "code": 3, "extensible": True}),
    (Framing(1, 8000, 97, 48), {"bits": 64, "code": 3}),
    (Framing(2, 8000, 3, 0), {"bits": 32}),
    (Framing(1, 8000, 2, 1), {}),
]


def test_steps_of_sounds_are_those_that_python_reads(tmp_path: Path) -> None:
    random, files, expected = np.random.default_rng(0), [], []
    for number, (framing, options) in enumerate(FORMS):
        n = 3 * framing.frame + 1
        samples = 0.3 * np.sin(np.arange(n)[:, None] / np.arange(3, 3 + framing.channels))
        samples[n // 2 :] += random.normal(0, 0.01, (n - n // 2, framing.channels))
        content = wav(samples.clip(-0.99, 0.99), rate=framing.rate, **options)
        (tmp_path / f"{number}.wav").write_bytes(content)
        expected.append(framing.read(open_wav(tmp_path / f"{number}.wav")))
        files.append(f"s.soundOf({file_of(content)}, {json.dumps(asdict(framing))})")
    found = run(
        f"(await Promise.all([{','.join(files)}])).map(({{ series }}) => series.map((x) => [...x]))"
    )
    for own, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, right, rtol=2e-7, atol=2e-5 if right.min() < -99 else 1e-6)


def test_bands_have_the_bounds_of_python() -> None:
    framings = [
        Framing(1, rate, frame, bands)
        for rate in (8000, 44100)
        for frame in (25, 400, 1102)
        for bands in (1, 7, 12)
    ]
    found = run(f"{json.dumps([asdict(each) for each in framings])}.map(f.hertzOf)")
    for own, framing in zip(found, framings, strict=True):
        np.testing.assert_allclose(own, framing.hertz(), rtol=1e-12)


def test_bytes_of_samples_mean_what_they_mean_in_python() -> None:
    found = run("[...f.fromBytes(Uint8Array.from({ length: 256 }, (_, byte) => byte))]")
    np.testing.assert_allclose(found, from_mu_law(np.arange(256).astype(np.uint8)), rtol=1e-6)


def test_what_is_refused_says_why_in_a_line() -> None:
    tone = np.sin(np.arange(500) / 5) / 2
    whole = wav(tone)
    refused = {
        b"id,value\n1,2": "not a WAV file",
        whole[:300]: "damaged or cut off",
        wav(tone, rate=44100): "44,100 samples a second, expected 8,000; resample it: ffmpeg -i "
        "IN.wav -ar 8000 OUT.wav",
        wav(np.stack([tone, tone], 1)): "2 channels, expected 1",
        wav(tone[:199]): "199 samples, fewer than a frame of 200",
        whole.replace(b"fmt \x10\0\0\0\1", b"fmt \x10\0\0\0\6"): "a kind that is not read",
    }
    framing = json.dumps(asdict(Framing(1, 8000, 200, 32)))
    said = run(
        f"await Promise.all([{','.join(map(file_of, refused))}].map((file) => "
        f"s.soundOf(file, {framing}).then(() => '', (error) => error.message)))"
    )
    for own, expected in zip(said, refused.values(), strict=True):
        assert expected in own
        assert "\n" not in own
