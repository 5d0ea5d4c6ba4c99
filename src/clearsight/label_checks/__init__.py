"""Labels that a trained run doubts, and the page that shows them."""
