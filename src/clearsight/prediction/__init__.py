"""What a prediction reads and writes: pictures, videos and cameras in; tables, overlays, masks and crops out."""
