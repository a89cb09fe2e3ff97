"""Image files that say what they are: made by a machine, by which model, from which images.

The words are those of IPTC's vocabulary of digital sources, in an XMP packet, where programs for photos look for them;
all else is a text of the PNG file, in JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{SOURCE}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
TEXT = "equipoise"


def write_marked(file: Path, pixels: NDArray[np.uint8], about: Mapping[str, Any]) -> None:
    """Write an image, (height, width, 3), as PNG, with what is known of it."""
    marks = PngInfo()
    marks.add_itxt("XML:com.adobe.xmp", XMP)
    marks.add_itxt(TEXT, json.dumps(dict(about), sort_keys=True))
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file, pnginfo=marks)
