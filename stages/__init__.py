"""One click script per pipeline stage: read its inputs, make one `fer` call, write its outputs."""
