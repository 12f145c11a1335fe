"""Speech-to-text by uploading phrases."""
