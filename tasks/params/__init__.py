"""The parameters: typed models of `params.yaml`, a section a stage.

Everything is checked before anything runs; see `tasks.params.reading` for how mistakes are told.
"""

from tasks.params.models import STAGES, Params, Recipe, Strategy
from tasks.params.reading import load_params

__all__ = ["STAGES", "Params", "Recipe", "Strategy", "load_params"]
