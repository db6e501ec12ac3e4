"""Export: one direction's sub-network as standalone models, and translation with them."""
