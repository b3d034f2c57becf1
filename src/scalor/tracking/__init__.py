"""Running a world model, or a classical baseline, over video frame by frame."""
