"""Methods besides neuron specialization: adapters and LaSS's weight masks, without fairseq."""
