"""All tables by name."""

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
    simplereid_centertrack,
    simplereid_deepsort,
    simplereid_tracktor,
    tdt_backbones,
    tdt_data,
    tdt_dimensions,
    tdt_networks,
    tdt_stages,
    tdt_teachers,
    trackers,
)

PAGES = (
    *(fairmot_anchors, fairmot_backbones, fairmot_dimensions),
    *(simplereid_deepsort, simplereid_tracktor, simplereid_centertrack),
    *(clmot_supervision, clmot_losses),
    *(outrack_half_val, outrack_terms, outrack_temperature, outrack_placeholder, outrack_negatives, outrack_images),
    *(outrack_occlusions, outrack_centertrack),
    *(tdt_stages, tdt_teachers, tdt_dimensions, tdt_data, tdt_backbones, tdt_networks),
    trackers,
)
TABLES: dict[str, Table] = {page.TABLE.name: page.TABLE for page in PAGES}
