"""Floor 6: what is found on its way to people and to other tools: folders, films, pages, and a file per format."""
