"""Section `synthesize.look`: all options that make rendered pictures look like photographs.

Decisions: each part lies with the code that consumes it; here they only come together, with the values at which none
does anything, which are those of params.yaml.
"""

from sanreid.params import Section
from sanreid.synthesis.clutter import Clutter
from sanreid.synthesis.crowd import Crowd
from sanreid.synthesis.framing import Framing
from sanreid.synthesis.photograph import Photograph
from sanreid.synthesis.worn import AS_DRAWN, Worn


class Look(Section):
    """Section `synthesize.look`."""

    photograph: Photograph
    clutter: Clutter
    worn: Worn
    crowd: Crowd
    framing: Framing


OFF = Look(
    photograph=Photograph(
        steady=0.0,
        exposure=None,
        contrast=None,
        saturation=(1.0, 1.0),
        cast=0.0,
        lens=(1.0, 1.0),
        sharpen=(0.0, 0.0),
        noise=(0.0, 0.0),
        defocus=(0.0, 0.0),
        motion_share=0.0,
        motion=(0.0, 0.0),
        far_share=0.0,
        jpeg=None,
    ),
    clutter=Clutter(scenes=2, ground_share=0.0, behind_share=0.0, strength=(0.0, 0.0), shadow_share=0.0),
    worn=AS_DRAWN,
    crowd=Crowd(behind_share=0.0, at_most=1, before_share=0.0),
    framing=Framing(height=None, distance=None, roll=0.0, sun_share=0.0),
)
