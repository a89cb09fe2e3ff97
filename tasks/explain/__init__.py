"""`equipoise explain`: why a model decides on an image as it does, as far as its network lets one look into it."""
