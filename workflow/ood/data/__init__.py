"""Images: from files as they were fetched to arrays with an index, and to batches for a network."""
