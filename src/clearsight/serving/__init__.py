"""Trained models behind a web server: pages for people, JSON for programs."""
