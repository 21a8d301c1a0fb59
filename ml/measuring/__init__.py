"""From a film to its measurement: frames, landmarks, signals and quality of one clip."""
