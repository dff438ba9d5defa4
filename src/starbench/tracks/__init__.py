"""What models are trained for and scored on, one file per track."""

from starbench.section import modules_in
from starbench.tracks.track import Track

TRACKS: dict[str, Track] = {
    module.TRACK.name: module.TRACK
    for module in modules_in(__name__, __path__)
    if hasattr(module, "TRACK")
}
"""Every track by the name that the config uses."""
