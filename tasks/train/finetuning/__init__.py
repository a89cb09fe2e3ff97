"""How a whole network is trained on images: what the family `finetune` is made of, an idea a file."""
