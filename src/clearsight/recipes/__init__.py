"""Complete runs as functions; each says what score, time and energy to expect."""
