"""split: a held-out test part and k folds of the rest, every class everywhere, relatives never apart.

What is settled comes first: parts that the user gave and the assignment that is frozen in ``data/frozen.csv``
(`units`). The others are placed by the rule that `split.by` names (`by_class`, `by_time`, `by_group`), whole groups
together. A check that knows nothing of all this then looks for relatives on different sides (`leak_check`).
"""

from pathlib import Path

FROZEN = Path("data", "frozen.csv")  # the assignment that is committed in git
