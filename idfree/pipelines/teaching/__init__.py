"""Steps of `idfree teach`, in reading order: `features` of boxes, the embedding `head`, the `taught_file`, `report`."""
