"""Structure found in training videos: k-means and voting, the anchor graph, hash centres."""
