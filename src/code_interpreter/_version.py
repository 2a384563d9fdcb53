"""The version of this distribution, for the package and for its builds alike."""

__version__ = "2.0.0.dev0"
