"""Steps of `idfree adapt`, in reading order.

`crops` of pseudo-labels; `relink`, the test without labels; `candidates` of appearance models, `merge` of tracklets for
the adapted one, `trained_candidate`; `choice` among them; `report`, `people` grouped in it; `adapt_and_track`.
"""
