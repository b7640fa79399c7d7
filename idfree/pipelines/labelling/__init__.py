"""Pseudo-labels of videos, in reading order.

`label_sequence` (one video), `pseudolabels` (which tracklets are learnt from), `motion_tracklets` (of stored
detections), `quality`; `videos` (the boxes of many, for adapt and teach); `crop_buffer`, `crop_sets`, `crop_writer`;
`held_out` tracklets, and `calibration` of a match threshold on them.
"""
