"""All rows first, then those of rare classes alone; here so that it can be seen what a network forgets by it.

A network that is trained on without some classes unlearns them (McCloskey and Cohen, Catastrophic Interference in
Connectionist Networks, 1989).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.train.further import Further
from tasks.train.samplers import Sampler
from tasks.train.samplers.natural import Natural

if TYPE_CHECKING:
    from tasks.train.rows import Rows


class MinorityFinetuning(Further):
    """Classes with fewer rows than the mean class, drawn as they are; the prior is taken to be the first stage's."""

    name: Literal["minority_finetuning"] = "minority_finetuning"

    @property
    def sampler(self) -> Sampler:
        """See `Further`."""
        return Natural()

    def kept(self, rows: Rows) -> NDArray[np.int64]:
        """See `Further`; a row of two classes is kept where both are rare, and all where all classes are alike."""
        mass = rows.label_mass
        is_rare = mass < mass.mean()
        return np.flatnonzero(is_rare[rows.first] & is_rare[rows.second]) if is_rare.any() else np.arange(len(rows))
