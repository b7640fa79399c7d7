"""All published tables by name."""

from idfree.experiments.table import Table
from idfree.experiments.tables import (
    clmot_losses,
    clmot_supervision,
    fairmot_anchors,
    fairmot_backbones,
    fairmot_dimensions,
    outrack_centertrack,
    outrack_half_val,
    outrack_images,
    outrack_negatives,
    outrack_occlusions,
    outrack_placeholder,
    outrack_temperature,
    outrack_terms,
    simplereid_deepsort,
    simplereid_tracktor,
    tdt_backbones,
    tdt_dimensions,
    tdt_stages,
    tdt_teachers,
)

PAGES = (
    *(fairmot_anchors, fairmot_backbones, fairmot_dimensions),
    *(simplereid_deepsort, simplereid_tracktor),
    *(clmot_supervision, clmot_losses),
    *(outrack_half_val, outrack_terms, outrack_temperature, outrack_placeholder, outrack_negatives, outrack_images),
    *(outrack_occlusions, outrack_centertrack),
    *(tdt_stages, tdt_teachers, tdt_dimensions, tdt_backbones),
)
TABLES: dict[str, Table] = {page.TABLE.name: page.TABLE for page in PAGES}
