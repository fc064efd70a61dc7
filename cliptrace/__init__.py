"""Which seconds of this video come from which seconds of which video that we already have?"""

from cliptrace.schemas import __version__

__all__ = ["__version__"]
