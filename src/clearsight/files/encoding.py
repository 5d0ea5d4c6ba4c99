"""Pictures as the bytes of a file. Pictures that a network made have ``generated_pictures``, which say so."""

import io

from PIL import Image


def jpeg(picture: Image.Image, *, quality: int = 88) -> bytes:
    """A JPEG file of a picture; ``quality`` is that of the encoder, from 1 to 95."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()
