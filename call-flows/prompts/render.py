#!/usr/bin/env python3
"""Speaks the prompts of call-flows/prompts/<language>/prompts.yaml into WAV files beside it.

    render.py            speaks what is new or has changed, and writes the measured values down
    render.py --all      speaks everything anew
    render.py --check    speaks nothing: every file is there, as it was measured, and fit for a telephone

A file is 16 kHz, mono, 16-bit PCM: the master from which the engine makes its 8 kHz and 16 kHz codecs. It is
the same, byte for byte, whenever the same text is spoken with the packages of requirements.txt on the same
kind of machine; elsewhere floating point may differ in the last bit, so `--check` compares with the checksum
of the file that was shipped and not with a new rendering.

A prompt whose `voice` is `recorded` was spoken by a person: its file is measured and checked, never written.
A prompt with `only: true` is a piece of this language's numbers or dates that others do not have.
"""

import argparse
import array
import hashlib
import math
import os
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
RATE = 16_000
RECIPE = 1  # raise it when the steps below change: everything is rendered anew

# Loudness of speech. ITU-T P.56 asks for an active speech level near -26 dBov on a telephone line; integrated
# over the pauses between words this is about -23 LUFS.
LOUDNESS_SPEECH = -23.0
LOUDNESS_MUSIC = -29.0  # behind a waiting person, and under the announcements
PEAK_MAX_DBFS = -3.0
SILENCE_EDGE_SECS = 0.08  # kept before the first sound and after the last
SILENCE_LEADING_MAX_SECS = 0.15
SILENCE_DBFS = -50.0
NOTICE = "dial_911_notice"
NOTICE_SECS_MAX = 4.5  # in each of two languages: both within the ten seconds after the answer
FIELDS = ("text", "only", "voice", "seconds", "loudness", "peak", "rendered", "sha256")


# --- the manifest -------------------------------------------------------------------------------------------


class Manifest:
    """prompts.yaml of one language. Its leading comment is kept, the rest is written in one fixed form."""

    def __init__(self, path):
        self.path = path
        self.folder = path.parent
        source = path.read_text(encoding="utf-8")
        self.comment = source[: len(source) - len(_without_leading_comment(source))]
        document = yaml.safe_load(source)
        self.language = document["language"]
        self.voice = document["voice"]
        self.voices = document["voices"]
        self.say = document.get("say", {})
        self.prompts = document["prompts"]

    def voice_of(self, prompt):
        return prompt.get("voice", self.voice)

    def spoken(self, prompt):
        """The text as the voice must be given it: digits are read one by one."""
        text = prompt["text"]
        for written, said in sorted(self.say.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(written, said)
        return text

    def recipe(self, name, prompt):
        """A digest of everything the audio depends on."""
        voice = self.voice_of(prompt)
        parts = [RECIPE, name if voice == "made" else "", self.spoken(prompt), sorted(self.voices[voice].items())]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def wav(self, name):
        return self.folder / f"{name}.wav"

    def write(self):
        lines = [f"careline: 1\nlanguage: {self.language}\nvoice: {self.voice}\nvoices:"]
        for name, voice in self.voices.items():
            lines.append(f"  {name}:")
            lines += [f"    {key}: {_scalar(value)}" for key, value in voice.items()]
        lines.append("say:" if self.say else "say: {}")
        lines += [f"  {_scalar(written)}: {_scalar(said)}" for written, said in self.say.items()]
        lines.append("prompts:")
        for name, prompt in self.prompts.items():
            lines.append(f"  {name}:")
            lines += [f"    {field}: {_scalar(prompt[field])}" for field in FIELDS if field in prompt]
        self.path.write_text(self.comment + "\n".join(lines) + "\n", encoding="utf-8")


def _without_leading_comment(source):
    rest = source
    while rest.startswith("#") or rest.startswith("\n"):
        rest = rest.split("\n", 1)[1]
    return rest


def _scalar(value):
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def manifests(languages):
    paths = sorted(HERE.glob("*/prompts.yaml"))
    return [Manifest(path) for path in paths if not languages or path.parent.name in languages]


# --- speaking -----------------------------------------------------------------------------------------------


def speak_hibari(texts, voice):
    """English: hibari, 24 kHz."""
    import numpy as np
    from hibari import Hibari
    from scipy.signal import resample_poly

    speaker = Hibari(voice=voice["model"], threads=1)
    for text in texts:
        sound = speaker(text, speed=float(voice["speed"]), seed=0)
        yield resample_poly(np.asarray(sound, dtype=np.float64), 2, 3)


def speak_pico(texts, voice):
    """Spanish: SVOX Pico, 16 kHz. A process for each text, because its noise source goes on from the last one."""
    import numpy as np

    program = (
        "import sys, py_nanotts\n"
        "text, model, speed = sys.argv[1:]\n"
        "sound = py_nanotts.NanoTTS().speak(text, voice=model, speed=float(speed), volume=0.5)\n"
        "sys.stdout.buffer.write(sound)\n"
    )
    for text in texts:
        command = [sys.executable, "-c", program, text, voice["model"], str(voice["speed"])]
        sound = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        yield np.frombuffer(sound, dtype="<i2").astype(np.float64) / 32768.0


def make_hold_music():
    """Thirty-two seconds that can be repeated without a seam: four slow chords, each with a plucked figure above it.

    Every note is added at its place on a circle, so what still sounds at the end goes on at the beginning. All
    partials lie between 160 and 2,600 Hz, which is what a telephone carries; nothing is louder than the rest.
    """
    import numpy as np

    secs, beat = 32.0, 0.5  # 64 beats, 120 a minute
    length = int(secs * RATE)
    sound = np.zeros(length)

    def note(at, midi, held, gain, attack, decay):
        pitch = 440.0 * 2.0 ** ((midi - 69) / 12.0)
        t = np.arange(int((held + 3.0 * decay) * RATE)) / RATE
        shape = np.minimum(1.0, t / attack) * np.exp(-np.maximum(0.0, t - held) / decay)
        wave_ = sum(
            level * np.sin(2.0 * np.pi * pitch * partial * t) for partial, level in ((1, 1.0), (2, 0.28), (3, 0.09))
            if pitch * partial < 2_600.0
        )
        place = (int(at * RATE) + np.arange(t.size)) % length
        np.add.at(sound, place, gain * shape * wave_)

    # C, A minor, F, G: each bar's chord in the middle register, its arpeggio an octave higher.
    chords = [(55, 60, 64), (57, 60, 64), (57, 60, 65), (55, 59, 62)]
    figures = [(72, 67, 76, 72, 79, 76, 72, 67), (72, 69, 76, 72, 81, 76, 72, 69),
               (72, 69, 77, 72, 81, 77, 72, 69), (71, 67, 74, 71, 79, 74, 71, 67)]
    bar = 8 * beat
    for number in range(8):
        start = number * bar
        for midi in chords[number % 4]:
            note(start, midi, bar * 0.7, 0.16, 0.35, 0.8)
        for place, midi in enumerate(figures[number % 4]):
            if number >= 4 and place % 2:  # the second time through leaves every other note out
                continue
            note(start + place * beat, midi, 0.02, 0.2, 0.012, 0.42)
    return sound


def make_beep():
    """440 Hz for 0.4 s, with soft edges."""
    import numpy as np

    t = np.arange(int(0.4 * RATE)) / RATE
    edge = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.02)
    return edge * np.sin(2.0 * np.pi * 440.0 * t)


MADE = {"hold_music": (make_hold_music, LOUDNESS_MUSIC), "beep": (make_beep, LOUDNESS_SPEECH - 3.0)}


# --- levelling ----------------------------------------------------------------------------------------------


def trim(sound):
    """From shortly before the first sound to shortly after the last, with edges that do not click."""
    import numpy as np

    block = RATE // 200
    count = sound.size // block
    levels = np.sqrt(np.mean(sound[: count * block].reshape(count, block) ** 2, axis=1))
    loud = levels > levels.max() * 10 ** (-40.0 / 20.0)
    heard = np.flatnonzero(loud[:-2] & loud[1:-1] & loud[2:])  # three blocks running: a click is not speech
    edge = int(SILENCE_EDGE_SECS * RATE)
    first, last = heard[0] * block, (heard[-1] + 3) * block
    kept = np.concatenate([np.zeros(max(0, edge - first)), sound[max(0, first - edge): last + edge]])
    kept = np.concatenate([kept, np.zeros(max(0, last + edge - sound.size))])
    fade = np.linspace(0.0, 1.0, block)
    kept[:block] *= fade
    kept[-block:] *= fade[::-1]
    return kept


def loudness_of(sound):
    """Integrated loudness, LUFS (BS.1770). A word shorter than its window is measured several times in a row."""
    import numpy as np
    import pyloudnorm

    repeats = max(1, math.ceil(1.2 * RATE / sound.size))
    return float(pyloudnorm.Meter(RATE).integrated_loudness(np.tile(sound, repeats)))


def level(sound, target):
    """At the target loudness, or as near as the highest allowed peak permits."""
    import numpy as np

    sound = sound - np.mean(sound)
    gain = 10 ** ((target - loudness_of(sound)) / 20.0)
    peak = 10 ** ((PEAK_MAX_DBFS - 0.1) / 20.0)
    sound = sound * gain
    # Single peaks above the limit are bent, not cut: below 70 % of the limit nothing changes.
    knee = 0.7 * peak
    over = np.abs(sound) > knee
    room = peak - knee
    sound[over] = np.sign(sound[over]) * (knee + room * np.tanh((np.abs(sound[over]) - knee) / room))
    return sound


def write_wav(path, sound):
    import numpy as np

    samples = np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2")
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".wav", delete=False) as file:
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples.tobytes())
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


# --- measuring ----------------------------------------------------------------------------------------------


def read_wav(path):
    with wave.open(str(path), "rb") as file:
        form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return form, samples


def peak_dbfs(samples):
    highest = max((abs(sample) for sample in samples), default=0)
    return 20.0 * math.log10(highest / 32768.0) if highest else -math.inf


def leading_silence(samples):
    limit = 10 ** (SILENCE_DBFS / 20.0) * 32768.0
    return next((place for place, sample in enumerate(samples) if abs(sample) > limit), len(samples)) / RATE


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measure(manifest, name, prompt):
    import numpy as np

    path = manifest.wav(name)
    _, samples = read_wav(path)
    prompt["voice"] = manifest.voice_of(prompt)
    prompt["seconds"] = round(len(samples) / RATE, 2)
    prompt["loudness"] = round(loudness_of(np.array(samples) / 32768.0), 1)
    prompt["peak"] = round(peak_dbfs(samples), 1)
    prompt["rendered"] = manifest.recipe(name, prompt)
    prompt["sha256"] = digest(path)


# --- the two jobs -------------------------------------------------------------------------------------------


def render(manifest, everything):
    speakers = {"hibari-tts": speak_hibari, "py-nanotts": speak_pico}
    due = {}
    for name, prompt in manifest.prompts.items():
        path = manifest.wav(name)
        same = path.exists() and digest(path) == prompt.get("sha256")
        same = same and prompt.get("rendered") == manifest.recipe(name, prompt)
        voice = manifest.voice_of(prompt)
        if everything or not same:
            due.setdefault(voice, []).append(name)
    for voice, names in due.items():
        engine = manifest.voices[voice]["engine"].split(" ")[0]
        if voice == "made":
            for name in names:
                make, target = MADE[name]
                write_wav(manifest.wav(name), level(make(), target))
        elif voice != "recorded":
            texts = [manifest.spoken(manifest.prompts[name]) for name in names]
            for name, sound in zip(names, speakers[engine](texts, manifest.voices[voice])):
                write_wav(manifest.wav(name), level(trim(sound), LOUDNESS_SPEECH))
        for name in names:
            if not manifest.wav(name).exists():
                sys.exit(f"{manifest.wav(name)}: voice is {voice}, so the file must be there first")
            measure(manifest, name, manifest.prompts[name])
            print(f"{manifest.language}/{name}: {manifest.prompts[name]['seconds']} s")
    manifest.write()
    print(f"{manifest.language}: {sum(map(len, due.values()))} of {len(manifest.prompts)} prompts rendered")


def check(all_manifests):
    wrong = []
    names = {manifest.language: set(manifest.prompts) for manifest in all_manifests}
    everywhere = set().union(*names.values())
    # Pieces of numbers and dates: each language has its own, and the flow checker knows which.
    only = {name for manifest in all_manifests for name, prompt in manifest.prompts.items() if "only" in prompt}
    for manifest in all_manifests:
        where = manifest.language
        for name in sorted(everywhere - names[where] - only):
            wrong.append(f"{where}/{name}: missing in this language")
        for path in sorted(manifest.folder.glob("*.wav")):
            if path.stem not in manifest.prompts:
                wrong.append(f"{where}/{path.name}: not in prompts.yaml")
        for name, prompt in manifest.prompts.items():
            wrong += [f"{where}/{name}: {finding}" for finding in check_prompt(manifest, name, prompt)]
    return wrong


def check_prompt(manifest, name, prompt):
    path = manifest.wav(name)
    if not path.exists():
        return [f"no {path.name}: run render.py"]
    found = []
    if digest(path) != prompt.get("sha256"):
        found.append("the audio is not the one that was measured: run render.py and listen to it")
    if manifest.recipe(name, prompt) != prompt.get("rendered"):
        found.append("text or voice has changed since it was rendered: run render.py")
    form, samples = read_wav(path)
    if form != (RATE, 1, 2):
        return found + [f"is {form[0]} Hz, {form[1]} channels, {8 * form[2]} bits; must be {RATE} Hz, 1, 16"]
    if peak_dbfs(samples) > PEAK_MAX_DBFS:
        found.append(f"peak {peak_dbfs(samples):.1f} dBFS, above {PEAK_MAX_DBFS}")
    if leading_silence(samples) > SILENCE_LEADING_MAX_SECS:
        found.append(f"{leading_silence(samples):.2f} s of silence before the first sound")
    if name == NOTICE and len(samples) / RATE > NOTICE_SECS_MAX:
        found.append(f"takes {len(samples) / RATE:.2f} s, at most {NOTICE_SECS_MAX} s")
    target = MADE[name][1] if manifest.voice_of(prompt) == "made" else LOUDNESS_SPEECH
    if not isinstance(prompt.get("loudness"), (int, float)) or abs(prompt["loudness"] - target) > 2.0:
        found.append(f"loudness {prompt.get('loudness')} LUFS, should be near {target}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="*", help="only these: en es")
    parser.add_argument("--check", action="store_true", help="verify what is there, speak nothing")
    parser.add_argument("--all", action="store_true", help="speak everything anew")
    wish = parser.parse_args()
    if wish.check:
        wrong = check(manifests(wish.languages))
        for finding in wrong:
            print(finding, file=sys.stderr)
        print(f"{sum(len(manifest.prompts) for manifest in manifests(wish.languages))} prompts, {len(wrong)} findings")
        return 1 if wrong else 0
    for manifest in manifests(wish.languages):
        render(manifest, wish.all)
    return 0


if __name__ == "__main__":
    sys.exit(main())
