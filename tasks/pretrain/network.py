"""A field that holds any network, apart from the backbones, whose files decide nothing here."""

from typing import Annotated

from tasks.registry import OneOf
from tasks.train.networks import Network

AnyNetwork = Annotated[Network, OneOf()]
