"""Many videos: the same tracking as of one, over as many processes as there are, each video a folder of its own."""
