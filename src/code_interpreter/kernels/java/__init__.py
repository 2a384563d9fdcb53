"""Java: JDKs, jjava, and the classes that jjava is run with."""
