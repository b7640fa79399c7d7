"""What each command does, callable from Python: the only place where the other parts meet.

`idfree COMMAND` calls the function of that name in the file of that name. Its steps are in a folder, whose docstring
lists them in reading order: `tracking`, `detection`, `labelling`, `adaptation`, `teaching`, `training`, `tuning`. Of
several commands: `video_jobs` (many videos), `manifest` (finished work is not repeated), `first_image`. Of refine
`refine_images`, of count `count_report`, of eval `evaluate`, `paired_results`, `evaluate_appearance`, of show
`annotate`, `plot_tracks`, `plot_embeddings`, of view `view_map`, of data `check_data`, `convert_data`, `synthesise`.
"""
