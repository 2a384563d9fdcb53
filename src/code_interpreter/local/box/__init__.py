"""The box around a sandbox: what its processes see of the machine, and what they may ask of it."""
