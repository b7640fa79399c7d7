"""Steps of `idfree track`, in reading order.

`track_tasks` (sequences one by one or in processes), `track_sequence` (one of them), `make_tracking_run` (the parts of
a run), `tracking_run` (the loop over frames), `write_tracks` (the files). Parts: `selection`, `tracker_settings`,
`camera_motion`, `motion_cache`, `fixed_lag_run`, `run_counts`, `run_summary`, `results_stream`, `annotated_video`,
`live_count`, `finished_tracks`, `replaced_results`.
"""
