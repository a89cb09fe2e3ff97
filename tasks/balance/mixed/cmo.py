"""CMO: a box of a rare image is pasted onto a common one, so that rare things stand in many scenes (Park et al., CVPR
2022).

Who gives the pasted box is drawn with weight ``1 / n_c``, backgrounds are drawn as they come.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.balance.mixed import Drawn, MixedImages, paste
from tasks.mixing_formulas import beta_share, box_share, cmo_class_probabilities, cut_box


class ContextRichOversampling(MixedImages):
    """As many images as the classes lack of the target together, most of them for the rarest; labels by area."""

    name: Literal["cmo"] = "cmo"

    def quota(self, counts: dict[str, int]) -> dict[str, int]:
        """The sum of what is lacking, shared out by ``1 / n_c``; the rest of a division goes to the rarest."""
        total = sum(super().quota(counts).values())
        shares = cmo_class_probabilities(np.array(list(counts.values()), dtype=np.float64))
        ends = np.floor(total * np.cumsum(shares[np.argsort(shares, kind="stable")]) + 0.5).astype(np.int64)
        names = [list(counts)[place] for place in np.argsort(shares, kind="stable")]
        made = dict(zip(names, np.diff(ends, prepend=0).tolist(), strict=True))
        return {name: made[name] for name in counts}

    def draw(self, width: int, height: int, rng: np.random.Generator) -> Drawn:
        """A box of any share of the picture; it shows the base, the rest the partner."""
        box = cut_box(width, height, beta_share(self.alpha, rng), rng)
        return Drawn(box_share(box, width, height), box)

    def blend(self, base: NDArray[np.float32], partner: NDArray[np.float32], drawn: Drawn) -> NDArray[np.float32]:
        """See `MixedImages.blend`."""
        return paste(base, onto=partner, box=drawn.box)
