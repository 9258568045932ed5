"""The version, once; the build of the wheel reads it, too."""
__version__ = "0.1.0"
