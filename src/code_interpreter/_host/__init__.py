"""What execd and a sandbox's guard both do to the machine they run on."""
