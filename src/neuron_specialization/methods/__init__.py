"""What the methods that the paper compares with need beyond fairseq: adapters, weight masks."""
