"""Speech-to-text over Realtime transcription sessions."""
