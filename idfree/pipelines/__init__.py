"""What each command does, callable from Python: the only place where the other parts meet.

`idfree COMMAND` calls the function of that name in the file of that name. Other files, by command, in reading order:

- track: `track` (arguments), `track_tasks` (sequences one by one or in processes), `track_sequence` (one of them),
  `make_tracking_run` (the parts of a run), `tracking_run` (the loop over frames), `write_tracks` (the files), and
  `selection`, `tracker_settings`, `open_detector`, `callable_detector`, `stored_detections`, `open_appearance`,
  `camera_motion`, `motion_cache`, `results_stream`, `annotated_video`, `run_counts`, `run_summary`, `finished_tracks`,
  `replaced_results`, `fixed_lag_run`, `adapt_track`.
- detect, label: `video_jobs` (many videos), `manifest` (finished work is not repeated); `detect_sequence`,
  `detection_report`, `motion_tracklets`; `label_sequence`, `pseudolabels`, `crop_buffer`, `label_quality`.
- adapt: `labelling`, `adapt_crops`, `crop_sets`, `adapt_relink` (the test without labels), `adapt_candidates`,
  `adapt_merge`, `adapt_train`, `calibration`, `held_out`, `adapt_choice`, `adapt_report`, `adapt_people`.
- teach: `labelling`, `teach_file`, `teach_features`, `teach_head`, `teach_report`.
- train, export: `training_data`, `missing_images`, `base_run`; `train_tracker`, `teacher_embeddings`, `validate`;
  `train_crops`, `reid_data`, `crop_writer`.
- refine: `refine_images`. count: `count_report`, `live_count`, `first_image`. tune: `tuning_sequence`,
  `settings_search`. eval: `evaluate`, `paired_results`, `evaluate_appearance`. show: `annotate`, `plot_tracks`,
  `plot_embeddings`. view: `view_map`. data: `check_data`, `check_images`, `convert_data`, `synthesise`.
"""
