"""Export: one direction's sub-network as models that stand alone, and translating with them."""
