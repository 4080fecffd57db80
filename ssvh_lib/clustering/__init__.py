"""Structure of the training set, found without labels: clusters, the anchor graph, hash centres."""
