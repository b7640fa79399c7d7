"""Steps of `idfree train`, in reading order.

`training_data`, `missing_images`, `check_images`, `base_run` (fine-tuned); `train_tracker`, `teacher_embeddings`,
`validate` (by tracking); `train_crops`, `reid_data`.
"""
