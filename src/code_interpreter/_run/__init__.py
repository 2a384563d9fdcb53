"""One run, decided: pure state machines."""
