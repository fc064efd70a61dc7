"""What every aligner can be told."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class AlignerConfig:
    """Settings that all aligners share. Lengths are seconds, as keyframes come at any distance from one another.

    min_similarity: cosine from which two keyframes count as matched.
    max_gap_s: longest stretch without a match, in either video, within one segment; seconds.
    min_length_s: shortest segment, on its shorter side; seconds.
    max_segments: most segments of one map, strongest first.
    find_reversed: look for copies that play backwards, too.
    """

    min_similarity: float = 0.4
    max_gap_s: float = 5.0
    min_length_s: float = 2.0
    max_segments: int = 8
    find_reversed: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.min_similarity < 1.0:
            raise ValueError(f"min_similarity must be between 0 and 1, not {self.min_similarity}")
        if not self.max_gap_s > 0:
            raise ValueError(f"max_gap_s must be above 0, not {self.max_gap_s}")
        if not self.min_length_s >= 0:
            raise ValueError(f"min_length_s must not be negative, not {self.min_length_s}")
        if self.max_segments < 1:
            raise ValueError(f"max_segments must be at least 1, not {self.max_segments}")
