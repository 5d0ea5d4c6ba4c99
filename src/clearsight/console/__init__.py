"""What happens in the terminal while a job runs: progress bars, and the keys and signals that stop it."""
