"""What models are trained for and scored on, one file per track."""

from starbench.plugins.registry import Registry, wrong_instance
from starbench.section import modules_in
from starbench.tracks.track import Track

TRACKS: Registry[Track] = Registry(
    "tracks",
    {
        module.TRACK.name: module.TRACK
        for module in modules_in(__name__, __path__)
        if hasattr(module, "TRACK")
    },
    wrong_instance(Track),
    lambda track: (track.scorer, track.comparison, track.bits_scorer, track.asymmetric_scorer),
)
"""Every track by the name that the config uses."""
