"""Text-to-speech over the audio API."""
