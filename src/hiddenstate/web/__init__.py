"""Scripts of all pages, with the tags, packing, joining and policy they need."""
