"""An attack bench with exact truth: edited copies in other videos, and where each second came from.

python -m benchmarks.attacks.build --split validation --output DIR --queries 120 --seed 1
"""
