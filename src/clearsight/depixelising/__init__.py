"""Small pictures made large by search in a generator's latents, and how often that shows another group of people."""
