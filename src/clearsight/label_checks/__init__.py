"""Labels that a trained model disagrees with, and the page that shows them."""
