"""What formats share: drafts of samples, outlines, class maps and groups, and the checks that make samples of them."""
