"""What a data set is made of: records and their pictures, splits, fingerprints, and the cache of decoded pictures."""
