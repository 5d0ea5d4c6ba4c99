"""Several runs side by side: paired differences, speed and memory, and the page that shows them."""
